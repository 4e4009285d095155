#include "configuration.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;

std::string message(const absl::Status& status) { return std::string(status.message()); }

TEST(Configuration, EveryKeyHasAHelpAndADefaultThatMayBeGiven) {
  Configuration configuration;
  for (const ConfigurationKey& key : configuration_keys()) {
    EXPECT_GT(std::string(key.help).size(), 5U) << key.name();
    if (key.kind == ConfigurationKey::Kind::kText) continue;
    EXPECT_TRUE(configuration.define({key.name() + "=" + key.fallback}).ok()) << key.name();
  }
}

TEST(Configuration, LaterSourcesWin) {
  Configuration configuration;
  EXPECT_EQ(configuration.number("coordinator.port"), 4600);
  ASSERT_TRUE(configuration
                  .read_toml("[coordinator]\nport = 1\n[supervisor]\nlog-piece = \"2k\"\n"
                             "[client]\ntimeout = \"7s\"\n",
                             "weir.toml")
                  .ok());
  EXPECT_EQ(configuration.number("coordinator.port"), 1);
  EXPECT_EQ(configuration.value("coordinator.port").origin, "weir.toml:2");
  EXPECT_EQ(configuration.bytes("supervisor.log-piece"), 2048U);
  EXPECT_EQ(configuration.duration("client.timeout"), 7s);
  ASSERT_TRUE(configuration
                  .read_environment({{"WEIR_COORDINATOR_PORT", "2"},
                                     {"WEIR_COORDINATOR", "h:1"},
                                     {"WEIR_WORKER", "another use"}})
                  .ok());
  EXPECT_EQ(configuration.number("coordinator.port"), 2);
  EXPECT_EQ(configuration.text("client.coordinator"), "h:1");
  ASSERT_TRUE(configuration.define({"coordinator.port=3"}).ok());
  EXPECT_EQ(configuration.number("coordinator.port"), 3);
}

TEST(Configuration, UnknownAndDuplicateKeysAreErrorsThatProposeTheNearest) {
  Configuration configuration;
  EXPECT_EQ(
      message(configuration.read_toml("[coordinator]\nprot = 1\n[supervisors]\nx = 1\n", "f")),
      "f:2: there is no key coordinator.prot; did you mean coordinator.port?\n"
      "f:3: there is no key [supervisors]; did you mean supervisor?");
  EXPECT_EQ(message(configuration.read_toml("port = 1\n", "f")),
            "f:1: there is no key port; did you mean coordinator.port?");
  EXPECT_EQ(message(configuration.read_toml("[client]\nport = 1\n", "f")),
            "f:2: there is no key client.port; did you mean coordinator.port?");
  EXPECT_TRUE(message(configuration.read_toml("[client]\ntimeout=\"1s\"\ntimeout=\"2s\"\n", "f"))
                  .starts_with("f:3: "));
  EXPECT_EQ(message(configuration.read_environment({{"WEIR_SUPERVISOR_SLOT", "1"}})),
            "environment: there is no key WEIR_SUPERVISOR_SLOT; did you mean "
            "WEIR_SUPERVISOR_SLOTS?");
  EXPECT_EQ(message(configuration.define({"coordinator.port=1", "coordinator.port=2"})),
            "-D coordinator.port: is given twice");
  EXPECT_EQ(message(configuration.define({"coordinator.port"})),
            "-D coordinator.port: give section.key=value");
}

TEST(Configuration, ValuesOfAnotherKindAreErrors) {
  Configuration configuration;
  EXPECT_EQ(message(configuration.define({"coordinator.port=70000"})),
            "-D: coordinator.port: '70000' cannot be used; give a whole number from 0 to 65535");
  EXPECT_EQ(message(configuration.read_toml("[client]\ntimeout = 5\n", "f")),
            "f:2: client.timeout: '5' cannot be used; give a duration with its unit, such as "
            "250ms, 30s or 5m");
  EXPECT_EQ(message(configuration.read_toml("[client]\ncoordinator = [1]\n", "f")),
            "f:2: client.coordinator: give a text or a whole number");
}

TEST(Configuration, WhatIsShownCanBeReadAgain) {
  Configuration configuration;
  ASSERT_TRUE(configuration.define({"client.coordinator=a\"b", "supervisor.slots=7"}).ok());
  Configuration again;
  const absl::Status read = again.read_toml(configuration_file(configuration), "f");
  ASSERT_TRUE(read.ok()) << read;
  for (const ConfigurationKey& key : configuration_keys()) {
    EXPECT_EQ(again.text(key.name()), configuration.text(key.name())) << key.name();
  }
}

// To write it anew: WEIR_WRITE_REFERENCE=1 bin/test_coordinator --gtest_filter=Configuration.*
TEST(Configuration, TheReferenceIsThatOfTheTable) {
  const std::string path = std::string(WEIR_SOURCE_DIR) + "/docs/reference/configuration.md";
  if (std::getenv("WEIR_WRITE_REFERENCE") != nullptr) {
    std::ofstream(path) << configuration_reference();
  }
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), configuration_reference());
}

}  // namespace
}  // namespace weir::coordinator
