// weir rescale: the program, which the coordinator has, says its plan at the new parallelism.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "job_text.h"
#include "program_plan.h"
#include "sha256.h"
#include "verb.h"
#include "watch_job.h"

namespace weir::coordinator {
namespace {

constexpr const char* kParallelism = "--parallelism";

// A program fetched from the coordinator; gone with the object.
class FetchedProgram {
 public:
  FetchedProgram() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-program-").string();
    name.append(6, 'X');  // for mkdtemp to replace
    if (::mkdtemp(name.data()) != nullptr) dir_ = name;
  }
  ~FetchedProgram() {
    std::error_code ignored;
    if (!dir_.empty()) std::filesystem::remove_all(dir_, ignored);
  }
  FetchedProgram(const FetchedProgram&) = delete;
  FetchedProgram& operator=(const FetchedProgram&) = delete;

  std::string path() const { return dir_ + "/program"; }

  absl::Status fetch(Client& client, const std::string& sha256) const {
    if (dir_.empty()) return absl::UnavailableError("no temporary folder can be made");
    std::ofstream out(path(), std::ios::binary);
    Sha256 hash;
    for (std::uint64_t have = 0, total = 1; have < total;) {
      wire::FetchProgramT ask;
      ask.sha256 = sha256;
      ask.offset = have;
      const absl::StatusOr<wire::ProgramPartT> part =
          client.ask<wire::ProgramPartT>(std::move(ask));
      if (!part.ok()) return part.status();
      if (part->bytes.empty() || part->offset != have) {
        return absl::NotFoundError("the coordinator does not have the program any more");
      }
      const std::string_view bytes(reinterpret_cast<const char*>(part->bytes.data()),
                                   part->bytes.size());
      out << bytes;
      hash.update(bytes);
      have += bytes.size();
      total = part->total;
    }
    out.close();
    if (!out || hash.hex() != sha256 || ::chmod(path().c_str(), 0500) != 0) {
      return absl::DataLossError("the program did not arrive whole");
    }
    return absl::OkStatus();
  }

 private:
  std::string dir_;
};

// The arguments of the job with another parallelism.
std::vector<std::string> with_parallelism(const std::vector<std::string>& arguments,
                                          std::uint32_t parallelism) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(std::string(kParallelism) + "=")) continue;
    if (arguments[i] == kParallelism) {
      ++i;  // its value
      continue;
    }
    out.push_back(arguments[i]);
  }
  out.push_back(absl::StrCat(kParallelism, "=", parallelism));
  return out;
}

int rescale(const std::string& job, std::uint32_t parallelism, const Invocation& call) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(call);
  if (!client.ok()) return report(client.status());
  const absl::StatusOr<wire::JobInfoT> info = get_job(**client, job);
  if (!info.ok()) return report(info.status());
  const FetchedProgram program;
  const absl::Status fetched = program.fetch(**client, info->program_sha256);
  if (!fetched.ok()) return report(fetched);
  wire::RescaleJobT question;
  question.job = info->id;
  question.parallelism = parallelism;
  question.arguments = with_parallelism(info->arguments, parallelism);
  absl::StatusOr<wire::PlanSpecT> plan =
      ask_for_plan(program.path(), info->program_name, question.arguments);
  if (!plan.ok()) return report(plan.status());
  question.plan = std::make_unique<wire::PlanSpecT>(std::move(*plan));
  const absl::StatusOr<wire::MessageT> answer =
      (*client)->ask_any(std::move(question), std::chrono::minutes(10));
  if (!answer.ok()) return report(answer.status());
  if (call.json) {
    const absl::StatusOr<wire::JobInfoT> now = get_job(**client, info->id);
    if (!now.ok()) return report(now.status());
    std::cout << shown_json(job_json(*now), 2);
  } else {
    std::cout << info->id << " goes on from its latest checkpoint with parallelism " << parallelism
              << "\n";
  }
  return kOk;
}

}  // namespace

void declare_rescale(CLI::App& app, Invocation& call) {
  auto job = std::make_shared<std::string>();
  auto parallelism = std::make_shared<std::uint32_t>(0);
  app.add_option("job", *job, "name or id")->required()->type_name("JOB");
  app.add_option("-p,--parallelism", *parallelism, "the new one")
      ->required()
      ->check(CLI::Range(1, 32768))
      ->type_name("N");
  call.run = [job, parallelism, &call] { return rescale(*job, *parallelism, call); };
}

}  // namespace weir::coordinator
