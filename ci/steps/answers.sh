# Sourced by the steps beside it: runs aurops and tells its answer where CI shows it. POSIX sh.
#
# AUROPS               the command; else the one that set-up has installed
# GITHUB_ACTIONS       `true` on a runner: annotations, and GitHub's commands off while aurops speaks
# GITHUB_STEP_SUMMARY  a file: the job's summary
# shellcheck shell=sh disable=SC2034 # who sources this reads $code
root=$(cd "$(dirname "$0")/../.." && pwd)
aurops=${AUROPS:-$root/.venv/bin/aurops}

# tell LEVEL TITLE TEXT: an annotation (notice, warning, error), and a line of the summary.
tell() {
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
        printf '::%s title=%s::%s\n' "$1" "$2" "$(printf '%s' "$3" | sed 's/%/%25/g' | tr '\r\n' '  ')"
    else
        printf '%s: %s: %s\n' "$1" "$2" "$3"
    fi
    summarise "**$2:** $3"
}

# summarise TEXT: a line of the job's summary.
summarise() {
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then printf '%s\n\n' "$1" >> "$GITHUB_STEP_SUMMARY"; fi
}

# summarise_file FILE: the same with what a file holds, if it is there.
summarise_file() {
    if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -s "$1" ]; then cat "$1" >> "$GITHUB_STEP_SUMMARY"; fi
}

# ask FILE ARGUMENT...: run aurops; standard output into FILE (`-`: shown), the rest is shown. Sets $code.
# What it says may hold text from a pull request or a cloud: no line of that may be a command to the runner.
ask() {
    out=$1 code=0 token=
    shift
    if [ "${GITHUB_ACTIONS:-}" = true ]; then
        token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
        printf '::stop-commands::%s\n' "$token"
    fi
    if [ "$out" = - ]; then
        "$aurops" "$@" 2>&1 || code=$?
    else
        # shellcheck disable=SC2069 # errors to where we speak, the result into the file
        "$aurops" "$@" 2>&1 > "$out" || code=$?
    fi
    if [ -n "$token" ]; then printf '\n::%s::\n' "$token"; fi
}

# answer CODE TITLE NO: tell what an exit code means (docs/ci.md), NO being the words for 1; returns it.
answer() {
    case $1 in
        0) ;;
        1) tell error "$2" "$3" ;;
        2) tell error "$2" "wrong usage or configuration, or a program that fails (exit 2): the log names file and key, or line" ;;
        3) tell error "$2" "something outside is missing or in the way (exit 3), such as credentials, backend, network, a lock: the log says what" ;;
        4) tell warning "$2" "declined, held or aborted (exit 4): a person decides; the log says how to go on" ;;
        70) tell error "$2" "a bug in aurops (exit 70): report it with the log" ;;
        *) tell error "$2" "stopped (exit $1)" ;;
    esac
    return "$1"
}

# refuse TEXT: end with exit code 2.
refuse() {
    tell error "configuration" "$1"
    exit 2
}
