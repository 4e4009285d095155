# Shared by the scripts: where the repository is, and how they speak. Sourced, not run.

ROOT="$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)"
JOBS="${WEIR_JOBS:-$(nproc)}"

if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then
  BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' PLAIN=$'\e[0m'
else
  BOLD='' GREEN='' RED='' PLAIN=''
fi

say() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN"; }
done_well() { printf '%s%s%s\n' "$GREEN" "$*" "$PLAIN"; }
fail() {
  printf '%serror:%s %s\n' "$RED" "$PLAIN" "$*" >&2
  exit 1
}

# Prints the comment that opens the calling script: its usage.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$(readlink -f "$0")"; }

# Answers --help anywhere before a lone "--", whatever else is asked.
answer_help() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      --) return ;;
      -h | --help)
        usage
        exit 0
        ;;
    esac
  done
}

is_preset() { grep -q "\"name\": \"$1\", \"configurePreset\"" "$ROOT/CMakePresets.json"; }
