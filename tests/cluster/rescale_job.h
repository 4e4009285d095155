// rescale_job on a cluster: how tests start it, move it, and read what it has committed.
#pragma once

#include <map>

#include "cluster/weir_command.h"
#include "support/committed_lines.h"

namespace weir::tests {

class RescaleJob : public WeirCommand {
 protected:
  // `weir VERB rescale_job BEFORE -- AFTER`, into dir_/<output>.
  std::vector<std::string> words(const std::string& verb, const std::string& output,
                                 const std::vector<std::string>& before,
                                 const std::vector<std::string>& after = {}) {
    std::vector<std::string> all = {verb, bin("rescale_job"), "--name", output};
    all.insert(all.end(), before.begin(), before.end());
    all.insert(all.end(), {"--", "--output", dir_ / output, "--checkpoint-interval=100ms"});
    all.insert(all.end(), after.begin(), after.end());
    return all;
  }
  void submit(const std::string& output, const std::vector<std::string>& before,
              const std::vector<std::string>& after = {}) {
    const Ran ran = weir(words("submit", output, before, after));
    ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  }
  // A job that reads half of its records, and the rest once it is let go.
  void submit_held(const std::string& output, const std::vector<std::string>& before) {
    submit(output, before, {"--hold=" + dir_ / "go"});
  }
  void wait_for_half(const std::string& name) { wait_for_records(name, 3'000); }
  void let_go() { std::ofstream(dir_ / "go"); }
  // Committed lines of all outputs, sorted, each with the name of its output.
  static std::vector<std::string> committed(const std::string& folder) {
    std::vector<std::string> lines;
    for (const std::string sink : {"windows", "visits", "late"}) {
      for (const std::string& line : csv_lines(folder + "/" + sink)) {
        lines.push_back(sink + ": " + line);
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }
  std::vector<std::string> committed_by(const std::string& output) {
    return committed(dir_ / output);
  }
  // The same program by itself, undisturbed.
  std::vector<std::string> expected(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {bin("rescale_job"), "--output", dir_ / "alone"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    run_alone(all);
    return committed(dir_ / "alone");
  }
  void wait_for_records(const std::string& name, std::int64_t least) {
    wait_until(name + " has read " + std::to_string(least) + " records", [&] {
      const nlohmann::json info = job(name);
      return info.is_object() && info.value("records_read", std::int64_t{0}) >= least;
    });
  }
  std::int64_t last_checkpoint(const std::string& name) {
    return job(name).at("checkpoints").at("last").get<std::int64_t>();
  }
};

}  // namespace weir::tests
