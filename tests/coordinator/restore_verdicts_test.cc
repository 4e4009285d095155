#include "coordinator/src/restore_verdicts.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

using runtime::OperatorSnapshot;
using runtime::StateDescriptor;

std::unique_ptr<wire::StateDescriptorT> declared(const std::string& name,
                                                 const std::string& schema) {
  auto state = std::make_unique<wire::StateDescriptorT>();
  state->name = name;
  state->kind = "value";
  state->schema = schema;
  return state;
}

class RestoreVerdictsTest : public ::testing::Test {
 protected:
  RestoreVerdictsTest() {
    savepoint_.max_parallelism = 128;
    runtime::TaskSnapshot& read = savepoint_.tasks.emplace_back();
    read.operators.push_back(
        {"read", "", {{runtime::PartitionId(0), ""}, {runtime::PartitionId(1), ""}}, {}});
    runtime::TaskSnapshot& count = savepoint_.tasks.emplace_back();
    count.rows.format = "rocksdb/1";
    count.operators.push_back(
        {"count",
         "",
         {},
         {{"count/sums", "value", "k -> i64", 1}, {"count/names", "value", "k -> str", 2}}});
    count.operators.push_back({"write", "sealed", {}, {}});

    plan_.has_states = true;
    plan_.max_parallelism = 128;
    plan_.state_backend = 1;
    plan_.chains.push_back(std::make_unique<wire::PlanChainT>());
    add("read").partitions = 2;
    wire::PlanOperatorT& counting = add("count");
    counting.states.push_back(declared("count/sums", "k -> i64"));
    counting.states.push_back(declared("count/names", "k -> str"));
    add("write");
  }
  wire::PlanOperatorT& add(const std::string& uid) {
    auto& operators = plan_.chains[0]->operators;
    operators.push_back(std::make_unique<wire::PlanOperatorT>());
    operators.back()->uid = uid;
    return *operators.back();
  }
  wire::PlanOperatorT& op(std::size_t i) { return *plan_.chains[0]->operators[i]; }
  std::string judged() const {
    std::string text;
    for (const StateVerdict& state : judge_restore(savepoint_, plan_).states) {
      text += state.state + " " + std::string(verdict_name(state.verdict)) + "; ";
    }
    return text;
  }

  state::Manifest savepoint_;
  wire::PlanSpecT plan_;
};

TEST_F(RestoreVerdictsTest, TheSameProgramFits) {
  EXPECT_EQ(judged(), "read/positions restored; count/sums restored; count/names restored; ");
  EXPECT_TRUE(judge_restore(savepoint_, plan_).fits(false));
  EXPECT_EQ(judge_restore(savepoint_, plan_).refusal(false), "");
}

TEST_F(RestoreVerdictsTest, NewStateStartsEmpty) {
  op(1).states.push_back(declared("count/more", "k -> i64"));
  add("other").states.push_back(declared("other/all", "k -> i64"));
  EXPECT_EQ(judged(),
            "read/positions restored; count/sums restored; count/names restored; count/more new; "
            "other/all new; ");
  EXPECT_TRUE(judge_restore(savepoint_, plan_).fits(false));
}

TEST_F(RestoreVerdictsTest, StateThatIsNotDeclaredIsDroppedOnlyIfToldSo) {
  op(1).states.pop_back();
  plan_.chains[0]->operators.pop_back();
  EXPECT_EQ(judged(),
            "read/positions restored; count/sums restored; count/names dropped; write dropped; ");
  const RestoreVerdicts verdicts = judge_restore(savepoint_, plan_);
  EXPECT_FALSE(verdicts.fits(false));
  EXPECT_TRUE(verdicts.fits(true));
  EXPECT_NE(verdicts.refusal(false).find("count/names dropped: value of k -> str"),
            std::string::npos);
  EXPECT_NE(verdicts.refusal(false).find("--allow-dropped-state"), std::string::npos);
}

TEST_F(RestoreVerdictsTest, AnotherTypeDoesNotFitWhateverIsAllowed) {
  op(1).states[0]->schema = "k -> f64";
  const RestoreVerdicts verdicts = judge_restore(savepoint_, plan_);
  EXPECT_FALSE(verdicts.fits(true));
  EXPECT_NE(verdicts.refusal(true).find(
                "count/sums changed: was a value of k -> i64, is a value of k -> f64"),
            std::string::npos)
      << verdicts.refusal(true);
}

TEST_F(RestoreVerdictsTest, WhatIsFixedForTheLifeOfTheState) {
  op(0).partitions = 3;
  plan_.state_backend = 0;
  plan_.max_parallelism = 64;
  savepoint_.final = true;
  const std::string why = judge_restore(savepoint_, plan_).refusal(true);
  for (const char* part : {"had 2 partitions, has 3 partitions", "--state-backend=rocksdb",
                           "128 key groups, the program 64", "the job had finished"}) {
    EXPECT_NE(why.find(part), std::string::npos) << part << " is not in: " << why;
  }
}

TEST_F(RestoreVerdictsTest, DroppedStatesBelongToNobody) {
  const state::Manifest left = without_states(savepoint_, {"count/names"});
  const auto& operators = left.tasks[1].operators;
  ASSERT_EQ(operators.size(), 3u);
  EXPECT_EQ(operators[0].states.size(), 1u);
  ASSERT_EQ(operators[2].states.size(), 1u);
  EXPECT_EQ(operators[2].states[0].name, "count/names");
  EXPECT_EQ(operators[2].states[0].table, 2);
}

}  // namespace
}  // namespace weir::coordinator
