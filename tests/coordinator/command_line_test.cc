#include "command_line.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;

ProgramOptions flights() {
  ProgramOptions program;
  program.program = "flights";
  program.params = {{"input", "text", "CSV of flights", std::nullopt, ""},
                    {"window", "duration", "length of the windows", "1h", "1h"},
                    {"header", "flag", "write a header", "false", "false"}};
  return program;
}

std::string faults_of(const ProgramOptions& program, const Arguments& arguments) {
  std::string text;
  for (const std::string& f : parse_command_line(program, arguments).faults) text += f + "\n";
  return text;
}

TEST(ScanParams, ReadsValuesInBothFormsAndFlags) {
  const auto raw =
      scan_params({"--a=1", "--b", "2", "--flag", "--c=", "--d", "-5", "stray", "--last"});
  const std::map<std::string, std::string> expected = {{"a", "1"}, {"b", "2"},  {"flag", "true"},
                                                       {"c", ""},  {"d", "-5"}, {"last", "true"}};
  EXPECT_EQ(raw, expected);
}

TEST(CommandLine, ReadsTheOptionsOfTheEngine) {
  const CommandLine line = parse_command_line(flights(), {"--input",
                                                          "x.csv",
                                                          "--parallelism=4",
                                                          "--batch-size",
                                                          "7",
                                                          "--executor",
                                                          "single",
                                                          "--seed=9",
                                                          "--state-dir",
                                                          "/s",
                                                          "--checkpoint-interval",
                                                          "250ms",
                                                          "--channel-bytes",
                                                          "64k",
                                                          "--linger=2ms",
                                                          "--memory-budget",
                                                          "1G",
                                                          "--fresh",
                                                          "--quiet",
                                                          "--no-combine",
                                                          "--json-metrics",
                                                          "m.json",
                                                          "--threads",
                                                          "3",
                                                          "--job=j"});
  ASSERT_TRUE(line.faults.empty()) << line.faults.front();
  EXPECT_EQ(line.job.parallelism, 4u);
  EXPECT_EQ(line.job.batch_size, 7u);
  EXPECT_EQ(line.job.executor, ExecutorKind::kSingle);
  EXPECT_EQ(line.job.seed, 9u);
  EXPECT_EQ(line.job.state_dir, "/s");
  EXPECT_EQ(line.job.state_backend, StateBackend::kRocksDb);
  EXPECT_EQ(line.job.checkpoint_interval, 250ms);
  EXPECT_EQ(line.job.channel_bytes, 64u << 10);
  EXPECT_EQ(line.job.linger, 2ms);
  EXPECT_EQ(line.job.memory_budget, 1u << 30);
  EXPECT_EQ(line.job.threads, 3u);
  EXPECT_EQ(line.job.job, "j");
  EXPECT_TRUE(line.job.fresh);
  EXPECT_FALSE(line.job.combine);
  EXPECT_TRUE(line.quiet);
  EXPECT_EQ(line.json_metrics, "m.json");
}

TEST(CommandLine, HasSensibleDefaults) {
  const CommandLine line = parse_command_line(flights(), {"--input", "x", "--header"});
  ASSERT_TRUE(line.faults.empty());
  EXPECT_EQ(line.job.job, "flights");
  EXPECT_EQ(line.job.checkpoint_interval, 1s);
  EXPECT_EQ(line.job.state_backend, StateBackend::kMemory);
  EXPECT_FALSE(line.job.fresh);
  EXPECT_TRUE(line.job.combine);
  EXPECT_TRUE(line.print.empty());
}

TEST(CommandLine, ProposesTheNearestNameForAnUnknownOption) {
  EXPECT_EQ(faults_of(flights(), {"--imput", "x"}),
            "there is no option --imput; did you mean --input?\n");
  EXPECT_EQ(faults_of(flights(), {"--paralelism=3"}),
            "there is no option --paralelism; did you mean --parallelism?\n");
  EXPECT_EQ(faults_of(flights(), {"--zzzzzz"}), "there is no option --zzzzzz\n");
}

TEST(CommandLine, RefusesWordsThatBelongToNoOption) {
  EXPECT_EQ(faults_of(flights(), {"x.csv"}), "'x.csv' belongs to no option\n");
  EXPECT_EQ(faults_of(flights(), {"-p", "3"}),
            "'-p' belongs to no option; options start with two dashes\n'3' belongs to no option\n");
}

TEST(CommandLine, RefusesValuesOutOfRange) {
  for (const Arguments& arguments : std::vector<Arguments>{{"--parallelism", "0"},
                                                           {"--parallelism", "x"},
                                                           {"--parallelism", "-1"},
                                                           {"--batch-size", "0"},
                                                           {"--executor", "magic"},
                                                           {"--state-backend", "disk"},
                                                           {"--checkpoint-interval", "5"},
                                                           {"--channel-bytes", "0"},
                                                           {"--memory-budget", "many"},
                                                           {"--threads", "0"},
                                                           {"--seed", "-1"},
                                                           {"--print", "everything"}}) {
    const std::string faults = faults_of(flights(), arguments);
    EXPECT_NE(faults.find("'" + arguments[1] + "' cannot be used; give "), std::string::npos)
        << arguments[0] << ": " << faults;
  }
  EXPECT_NE(faults_of(flights(), {"--state-dir"}), "");
}

TEST(CommandLine, ReservesTheNamesOfTheEngine) {
  ProgramOptions program = flights();
  program.params.push_back({"state-dir", "text", "mine", "x", "x"});
  EXPECT_EQ(faults_of(program, {}),
            "parameter --state-dir is an option of the engine; give t.param another name\n");
}

TEST(CommandLine, TakesDefaultsFromTheProgram) {
  ProgramOptions program = flights();
  program.default_options = {{"state-dir", "/var/x"}, {"parallelism", "2"}};
  CommandLine line = parse_command_line(program, {"--parallelism", "3"});
  EXPECT_TRUE(line.faults.empty());
  EXPECT_EQ(line.job.state_dir, "/var/x");
  EXPECT_EQ(line.job.parallelism, 3u);
  EXPECT_NE(help_text(program).find("[/var/x]"), std::string::npos);
  program.default_options = {{"state-dri", "/var/x"}};
  EXPECT_NE(faults_of(program, {}).find("did you mean --state-dir?"), std::string::npos);
}

TEST(CommandLine, ListsParametersAndOptionsInItsHelp) {
  const std::string help = help_text(flights());
  EXPECT_NE(help.find("usage: flights [options]"), std::string::npos);
  EXPECT_NE(help.find("  --input TEXT                       CSV of flights [required]\n"),
            std::string::npos)
      << help;
  EXPECT_NE(help.find("  --window DURATION                  length of the windows [1h]\n"),
            std::string::npos);
  EXPECT_NE(help.find("  --header                           write a header\n"), std::string::npos);
  EXPECT_NE(help.find("--state-backend rocksdb|memory"), std::string::npos);
  EXPECT_TRUE(parse_command_line(flights(), {"--help"}).wants_help);
}

}  // namespace
}  // namespace weir::coordinator
