# The two commands: `make drill` and `make test`. Everything else helps them.
SHELL := /bin/sh
# What the machine may export and this project must not inherit (docs/decisions/0002).
unexport PYTHONDONTWRITEBYTECODE UV_COMPILE_BYTECODE VIRTUAL_ENV PYTHONPATH PYTHONHOME

UV = $$(sh ci/find-uv)
RUN = $(UV) run --no-sync
# A Pulumi CLI on PATH wins over the one that set-up gets.
export PATH := $(PATH):$(CURDIR)/.tools/pulumi/bin

.PHONY: setup pulumi drill test lint format campaign bench clean
.DEFAULT_GOAL := help
N = 100
SEED = 1

help: ## Print this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

setup: .venv/.ready pulumi ## Install everything into .venv (uv is bootstrapped into .tools when it is missing)

.venv/.ready: pyproject.toml uv.lock ci/find-uv
	@uv=$(UV) || exit 3; "$$uv" sync --locked --quiet && touch $@ || { echo "setup: uv failed. Where a proxy opens TLS \
	('invalid peer certificate'), do: export UV_SYSTEM_CERTS=1 and make again" >&2; exit 3; }

# Whoever has no CLI can still run everything that needs no engine.
pulumi: .venv/.ready
	@$(RUN) python ci/pulumi-cli/install.py .tools/pulumi || true

drill: setup ## Bring the fleet up on stand-in clouds, lose a region for real, measure RTO and RPO
	@$(RUN) sh ci/drill-fleet
	@$(RUN) aurops failover-test --fault kill --report reports/drill.html

test: setup ## Run the test suite
	@$(RUN) pytest -q -n 4 --dist loadfile --no-loadscope-reorder -m "not campaign"

lint: setup ## Format check, ruff, mypy, ty
	@$(RUN) ruff format --check . && $(RUN) ruff check . && $(RUN) mypy && $(RUN) mypy ci/policy && $(RUN) ty check --quiet

format: setup ## Format and fix what can be fixed
	@$(RUN) ruff format . && $(RUN) ruff check --fix .

campaign: setup ## The full matrices, then N random drills from SEED on (long)
	@$(RUN) pytest -q -m campaign --timeout 7200
	@$(RUN) aurops failover-test --runs $(N) --seed $(SEED) --junit reports/campaign.xml --report reports/campaign.html

bench: setup ## Benchmarks; docs/benchmarks.md says what each prints
	@for b in benchmarks/*.py; do echo "== $$b"; $(RUN) python $$b || exit $$?; done

clean: ## Remove what set-up made
	rm -rf .venv .tools
