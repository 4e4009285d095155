# Prints how long compiling takes, without ccache: examples/flights on one core against the built
# library, and (with "all") library, examples and tests from nothing. Sourced by scripts/bench.

compile_times() {
  local start flights=() i object build="$ROOT/build/release"
  object="$(find "$build/examples" -name 'flights.cc.o' | head -n 1)"
  [[ -n "$object" ]] || fail "examples/flights is not built: scripts/build release flights"
  printf '\nCompile times, without ccache\n\n| what | seconds | below | |\n|---|---|---|---|\n'
  for i in 1 2 3 4 5; do
    rm -f "$object"
    start=$EPOCHREALTIME
    CCACHE_DISABLE=1 cmake --build "$build" -j 1 --target flights >/dev/null
    flights+=("$(seconds_since "$start")")
  done
  time_row 'examples/flights, one core' "$(printf '%s\n' "${flights[@]}" | sort -n | sed -n 3p)" 20
  [[ "${1:-}" == all ]] || return 0
  build="$(mktemp -d -t weir-clean-build.XXXXXX)"
  cmake --preset release -B "$build" >/dev/null
  start=$EPOCHREALTIME
  CCACHE_DISABLE=1 cmake --build "$build" -j 2 >/dev/null || fail "the clean build failed"
  time_row 'library, examples and tests, two cores' "$(seconds_since "$start")" 480
  rm -rf "$build"
}

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }

time_row() {
  local met=met
  awk -v t="$2" -v most="$3" 'BEGIN { exit !(t < most) }' || met=missed
  printf '| %s | %s | %s | %s |\n' "$1" "$2" "$3" "$met"
}
