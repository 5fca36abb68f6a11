"""The pack under the engine's own policy host: `pulumi preview --policy-pack ci/policy`."""

from pathlib import Path

from stacks.policy.engine_pack import serve

if __name__ == "__main__":
    serve(Path(__file__).parent)
