// Whether a program can go on from a savepoint, state by state, judged from what both say of
// themselves before anything runs. Pure functions. Page: docs/internals/savepoints.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control_generated.h"
#include "weir/state/manifest.h"

namespace weir::coordinator {

enum class Verdict : std::uint8_t {
  kRestored,
  kNew,      // starts empty
  kDropped,  // the program does not declare it
  kChanged,  // cannot be restored
};
std::string_view verdict_name(Verdict verdict);  // "restored", for people

struct StateVerdict {
  Verdict verdict = Verdict::kRestored;
  std::string state;   // "visits/seconds"; "job" for what concerns all of it
  std::string detail;  // what it is, and what it was if that differs
};

struct RestoreVerdicts {
  std::vector<StateVerdict>
      states;  // the job's, then the program's in its order, then dropped ones

  bool has(Verdict verdict) const;
  bool fits(bool allow_dropped) const {
    return !has(Verdict::kChanged) && (allow_dropped || !has(Verdict::kDropped));
  }
  // Why it does not fit, and what to do; empty if it does.
  std::string refusal(bool allow_dropped) const;
};

// Without plan.has_states only what concerns the whole job is judged.
RestoreVerdicts judge_restore(const state::Manifest& savepoint, const wire::PlanSpecT& plan);

// The savepoint without the states that are dropped: their rows are left out when it is restored.
state::Manifest without_states(state::Manifest savepoint, const std::vector<std::string>& dropped);

}  // namespace weir::coordinator
