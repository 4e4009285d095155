#include "restore_verdicts.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace weir::coordinator {
namespace {

using runtime::OperatorSnapshot;
using runtime::StateDescriptor;

// What a savepoint holds of one operator, over all of its tasks.
struct Held {
  std::map<std::string, StateDescriptor> states;  // by name
  std::set<std::uint32_t> partitions;
  bool has_task_state = false;
};

std::map<std::string, Held> held_by(const state::Manifest& savepoint) {
  std::map<std::string, Held> out;
  for (const runtime::TaskSnapshot& task : savepoint.tasks) {
    for (const OperatorSnapshot& op : task.operators) {
      if (op.uid.ends_with("/pre")) continue;  // keeps nothing
      Held& held = out[op.uid];
      for (const StateDescriptor& state : op.states) held.states[state.name] = state;
      for (const auto& [partition, bytes] : op.partition_states) {
        held.partitions.insert(partition.value);
      }
      held.has_task_state = held.has_task_state || !op.task_state.empty();
    }
  }
  return out;
}

std::string text_of(std::string_view kind, std::string_view schema) {
  return std::string(kind) + " of " + std::string(schema);
}

std::string backend_of(const state::Manifest& savepoint) {
  for (const runtime::TaskSnapshot& task : savepoint.tasks) {
    if (!task.rows.format.empty()) return task.rows.format.substr(0, task.rows.format.find('/'));
  }
  return "";
}

void judge_job(const state::Manifest& savepoint, const wire::PlanSpecT& plan,
               RestoreVerdicts& out) {
  const auto changed = [&](std::string why) {
    out.states.push_back({Verdict::kChanged, "job", std::move(why)});
  };
  if (savepoint.max_parallelism != plan.max_parallelism) {
    changed("the savepoint has " + std::to_string(savepoint.max_parallelism) +
            " key groups, the program " + std::to_string(plan.max_parallelism) +
            ": the number is fixed for the life of the state");
  }
  const std::string backend = backend_of(savepoint);
  const std::string now = plan.state_backend == 1 ? "rocksdb" : "memory";
  if (!backend.empty() && backend != now) {
    changed("the savepoint is of the backend '" + backend + "', the program runs with '" + now +
            "': start it with --state-backend=" + backend);
  }
  if (savepoint.final) {
    changed("the job had finished when the savepoint was taken: there is nothing to go on with");
  }
}

void judge_operator(const wire::PlanOperatorT& op, const Held* held, RestoreVerdicts& out) {
  std::set<std::string> declared;
  for (const auto& state : op.states) {
    declared.insert(state->name);
    const std::string now = text_of(state->kind, state->schema);
    const bool is_there = held != nullptr && held->states.count(state->name) != 0;
    if (!is_there) {
      out.states.push_back({Verdict::kNew, state->name, now});
      continue;
    }
    const StateDescriptor& before = held->states.at(state->name);
    const bool is_same = before.kind == state->kind && before.schema == state->schema;
    const std::string was = text_of(before.kind, before.schema);
    out.states.push_back({is_same ? Verdict::kRestored : Verdict::kChanged, state->name,
                          is_same ? now : "was a " + was + ", is a " + now});
  }
  if (op.partitions != 0 || (held != nullptr && !held->partitions.empty())) {
    const std::size_t before = held == nullptr ? 0 : held->partitions.size();
    const std::string now = std::to_string(op.partitions) + " partitions";
    const std::string was = std::to_string(before) + " partitions";
    if (before == 0) {
      out.states.push_back({Verdict::kNew, op.uid + "/positions", now});
    } else if (op.partitions != 0 && before != op.partitions) {
      out.states.push_back({Verdict::kChanged, op.uid + "/positions",
                            "had " + was + ", has " + now + ": they must stay the same"});
    } else {
      out.states.push_back({Verdict::kRestored, op.uid + "/positions", was});
    }
  }
  if (held == nullptr) return;
  for (const auto& [name, state] : held->states) {
    if (declared.count(name) != 0) continue;
    out.states.push_back({Verdict::kDropped, name, text_of(state.kind, state.schema)});
  }
}

// Operators that the program does not have.
void judge_missing(const std::string& uid, const Held& held, RestoreVerdicts& out) {
  for (const auto& [name, state] : held.states) {
    out.states.push_back({Verdict::kDropped, name, text_of(state.kind, state.schema)});
  }
  if (!held.partitions.empty()) {
    out.states.push_back({Verdict::kDropped, uid + "/positions",
                          std::to_string(held.partitions.size()) + " partitions"});
  } else if (held.states.empty() && held.has_task_state) {
    out.states.push_back({Verdict::kDropped, uid, "what its tasks keep"});
  }
}

}  // namespace

std::string_view verdict_name(Verdict verdict) {
  constexpr std::string_view kNames[] = {"restored", "new", "dropped", "changed"};
  return kNames[static_cast<std::size_t>(verdict)];
}

bool RestoreVerdicts::has(Verdict verdict) const {
  return std::any_of(states.begin(), states.end(),
                     [verdict](const StateVerdict& state) { return state.verdict == verdict; });
}

std::string RestoreVerdicts::refusal(bool allow_dropped) const {
  if (fits(allow_dropped)) return "";
  std::string text = "the program cannot go on from the savepoint:";
  for (const StateVerdict& state : states) {
    const bool is_reason = state.verdict == Verdict::kChanged ||
                           (state.verdict == Verdict::kDropped && !allow_dropped);
    if (!is_reason) continue;
    text +=
        "\n  " + state.state + " " + std::string(verdict_name(state.verdict)) + ": " + state.detail;
  }
  if (has(Verdict::kChanged)) {
    return text +
           "\nStart the program that the savepoint was taken of, or a change of it that keeps "
           "names and types of its states";
  }
  return text +
         "\nNames of operators and states are how state is found: give them their old names, "
         "or start with --allow-dropped-state to leave this state behind";
}

RestoreVerdicts judge_restore(const state::Manifest& savepoint, const wire::PlanSpecT& plan) {
  RestoreVerdicts out;
  judge_job(savepoint, plan, out);
  if (!plan.has_states) return out;
  std::map<std::string, Held> held = held_by(savepoint);
  for (const auto& chain : plan.chains) {
    for (const auto& op : chain->operators) {
      if (op->uid.ends_with("/pre")) continue;
      const auto it = held.find(op->uid);
      judge_operator(*op, it == held.end() ? nullptr : &it->second, out);
      if (it != held.end()) held.erase(it);
    }
  }
  for (const auto& [uid, missing] : held) judge_missing(uid, missing, out);
  return out;
}

state::Manifest without_states(state::Manifest savepoint, const std::vector<std::string>& dropped) {
  const std::set<std::string> names(dropped.begin(), dropped.end());
  for (runtime::TaskSnapshot& task : savepoint.tasks) {
    OperatorSnapshot left;  // belongs to no operator, so nobody takes its rows along
    left.uid = "/dropped";
    for (OperatorSnapshot& op : task.operators) {
      const auto kept = std::stable_partition(
          op.states.begin(), op.states.end(),
          [&](const StateDescriptor& state) { return names.count(state.name) == 0; });
      left.states.insert(left.states.end(), std::make_move_iterator(kept),
                         std::make_move_iterator(op.states.end()));
      op.states.erase(kept, op.states.end());
    }
    if (!left.states.empty()) task.operators.push_back(std::move(left));
  }
  return savepoint;
}

}  // namespace weir::coordinator
