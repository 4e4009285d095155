// weir check: whether a program can go on from a savepoint, before anything stops. Asks the
// program, reads the savepoint; no coordinator.
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "program_plan.h"
#include "restore_verdicts.h"
#include "text_table.h"
#include "verb.h"
#include "weir/runtime/storage.h"
#include "weir/state/savepoint.h"

namespace weir::coordinator {
namespace {

struct Check {
  std::string savepoint;
  std::string program;
  std::optional<std::uint32_t> parallelism;
  bool allow_dropped_state = false;
};

absl::StatusOr<wire::PlanSpecT> ask_program(const Check& asked,
                                            std::vector<std::string> arguments) {
  const absl::StatusOr<std::string> path = find_program(asked.program);
  if (!path.ok()) return path.status();
  if (asked.parallelism.has_value()) {
    arguments.push_back(absl::StrCat("--parallelism=", *asked.parallelism));
  }
  const std::string name = std::filesystem::path(asked.program).filename().string();
  return ask_for_plan(*path, name, arguments, Asked::kPlanWithStates);
}

nlohmann::json as_json(const state::Manifest& savepoint, const RestoreVerdicts& verdicts,
                       const Check& asked) {
  nlohmann::json states = nlohmann::json::array();
  for (const StateVerdict& state : verdicts.states) {
    states.push_back({{"state", state.state},
                      {"verdict", verdict_name(state.verdict)},
                      {"detail", state.detail}});
  }
  return {{"savepoint", absolute_folder(asked.savepoint)},
          {"job", savepoint.job},
          {"checkpoint", savepoint.id.value},
          {"taken_us", savepoint.wall_time.count()},
          {"fits", verdicts.fits(asked.allow_dropped_state)},
          {"states", std::move(states)}};
}

std::string as_text(const RestoreVerdicts& verdicts) {
  TextTable table({"STATE", "IS", "WHAT"});
  for (const StateVerdict& state : verdicts.states) {
    table.add({state.state, std::string(verdict_name(state.verdict)), state.detail});
  }
  return table.is_empty() ? "" : table.text();
}

int check(const Check& asked, const Invocation& call) {
  runtime::Storage& storage = runtime::local_storage();
  const std::string dir = absolute_folder(asked.savepoint);
  const absl::StatusOr<state::Manifest> savepoint = state::read_savepoint(storage, dir);
  if (!savepoint.ok()) return report(savepoint.status());
  const absl::StatusOr<wire::PlanSpecT> plan = ask_program(asked, call.program_arguments);
  if (!plan.ok()) return report(plan.status());
  const RestoreVerdicts verdicts = judge_restore(*savepoint, *plan);
  const absl::Status sound = state::verify_savepoint(storage, dir, *savepoint);
  if (!sound.ok()) return report(sound);
  std::cout << (call.json ? as_json(*savepoint, verdicts, asked).dump(2) + "\n"
                          : as_text(verdicts));
  std::cout.flush();
  const std::string refusal = verdicts.refusal(asked.allow_dropped_state);
  if (!refusal.empty()) {
    std::cerr << "weir: " << refusal << "\n";
    return kFailed;
  }
  if (!call.json) {
    std::cout << asked.program << " can go on from checkpoint " << savepoint->id.value << " of job "
              << savepoint->job << "\n";
  }
  return kOk;
}

}  // namespace

void declare_check(CLI::App& app, Invocation& call) {
  auto asked = std::make_shared<Check>();
  app.add_option("savepoint", asked->savepoint, "the folder that 'weir savepoint' has made")
      ->required()
      ->type_name("SAVEPOINT");
  app.add_option("program", asked->program, "a Weir program; its arguments follow --")
      ->required()
      ->type_name("PROGRAM");
  app.add_option("-p,--parallelism", asked->parallelism, "that it would be started with")
      ->check(CLI::Range(1, 32768))
      ->type_name("N");
  app.add_flag("--allow-dropped-state", asked->allow_dropped_state,
               "as with submit: leave behind what the program does not declare");
  call.run = [asked, &call] { return check(*asked, call); };
}

}  // namespace weir::coordinator
