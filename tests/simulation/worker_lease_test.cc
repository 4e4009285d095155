// A worker alone with a coordinator that the test plays: what a lease that is over keeps it from.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "control/control_message.h"
#include "simulator/sim_topology.h"
#include "weir/coordinator/deployment.h"
#include "weir/runtime/simulated_network.h"
#include "weir/runtime/simulated_storage.h"
#include "weir/state/checkpoint_store.h"
#include "worker/worker.h"

namespace weir::simulation {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
namespace wire = coordinator::wire;

constexpr const char* kAddress = "tcp://10.0.0.1:4600";
constexpr const char* kWorker = "sim-1-e1-0";

class WorkerLeaseTest : public ::testing::Test, private runtime::MessageHandler {
 protected:
  void SetUp() override {
    load_.parallelism = 1;
    plan_ = sim_plan(load_);
    tasks_ = coordinator::make_deployment(*plan_).tasks.size();
    store_ = *state::CheckpointStore::open(storage_, "/state", {"sim", plan_->fingerprint()});
    endpoint_ =
        *network_.transport(*coordinator_).open({.name = "coordinator", .listen = kAddress}, *this);
    coordinator::WorkerOptions options;
    options.identity = {.worker = kWorker,
                        .coordinator = kAddress,
                        .job = "sim-1",
                        .job_name = "sim",
                        .work_dir = "/work",
                        .epoch = 1,
                        .slots = 1};
    options.job.batch_size = 16;
    options.clock = &clock_;
    options.executor = process_.get();
    options.transport = &network_.transport(*process_);
    options.storage = &storage_;
    worker_ = std::make_unique<coordinator::Worker>(*plan_, std::move(options));
    ASSERT_TRUE(worker_->start().ok());
  }
  void TearDown() override {
    for (runtime::SimulatedProcess* process : {process_.get(), coordinator_.get()}) {
      process->crash();
      network_.crash(*process);
    }
    worker_.reset();
    endpoint_.reset();
  }

  void on_message(std::string_view, std::string_view head, std::string_view) override {
    const absl::StatusOr<wire::MessageT> message = coordinator::decode_control(head);
    ASSERT_TRUE(message.ok()) << message.status();
    if (message->body.AsWorkerHello() != nullptr) {
      deploy();
    } else if (const auto* beat = message->body.AsHeartbeat()) {
      wire::HeartbeatT answer;
      answer.sequence = beat->sequence;
      if (pauses_) process_->pause();
      if (answers_) tell(answer);
    } else if (const auto* event = message->body.AsTaskEvent()) {
      if (event->kind == wire::TaskEventKind::Running) running_.insert(event->task);
    } else if (const auto* done = message->body.AsSnapshotDone()) {
      EXPECT_EQ(done->error_code, 0) << done->error;
      acked_.insert(done->task);
    }
  }
  template <class Body>
  void tell(Body body) {
    endpoint_->send(std::string("w:") + kWorker,
                    coordinator::encode_control(coordinator::control(std::move(body))));
  }
  void deploy() {
    wire::DeployT deploy;
    deploy.job = "sim-1";
    deploy.epoch = 1;
    auto address = std::make_unique<wire::WorkerAddressT>();
    address->worker = kWorker;
    deploy.workers.push_back(std::move(address));
    deploy.worker_of_task.assign(tasks_, 0);
    deploy.state_dir = "/state";
    tell(std::move(deploy));
  }
  void order_all(wire::CommandKind kind) {
    for (std::uint32_t task = 0; task < tasks_; ++task) {
      wire::TaskCommandT order;
      order.job = "sim-1";
      order.epoch = 1;
      order.task = task;
      order.kind = kind;
      order.checkpoint = 1;
      tell(std::move(order));
    }
  }
  bool passes(const std::function<bool()>& is_true, runtime::MonotonicTime within) {
    return processes_.run_until(is_true, clock_.now() + within);
  }
  void pass(runtime::MonotonicTime time) {
    passes([] { return false; }, time);
  }
  // A checkpoint that every task has acked, with output that waits for its commit.
  void take_checkpoint() {
    ASSERT_TRUE(passes([this] { return running_.size() == tasks_; }, 10s));
    pass(8s);
    order_all(wire::CommandKind::Checkpoint);
    ASSERT_TRUE(passes([this] { return acked_.size() == tasks_; }, 10s));
    ASSERT_EQ(newest_published(storage_), 0u);
  }

  SimLoad load_;
  runtime::ManualClock clock_{1h};
  runtime::SimulatedProcesses processes_{1, clock_};
  runtime::SimulatedNetwork network_{processes_};
  runtime::SimulatedStorage storage_{1};
  std::unique_ptr<runtime::SimulatedProcess> coordinator_ = processes_.start("coordinator");
  std::unique_ptr<runtime::SimulatedProcess> process_ = processes_.start(kWorker);
  std::shared_ptr<const runtime::Plan> plan_;
  std::unique_ptr<state::CheckpointStore> store_;
  std::unique_ptr<runtime::Endpoint> endpoint_;
  std::unique_ptr<coordinator::Worker> worker_;
  std::size_t tasks_ = 0;
  std::set<std::uint32_t> running_;
  std::set<std::uint32_t> acked_;
  bool answers_ = true;
  bool pauses_ = false;  // the worker, with an answer on its way to it
};

TEST_F(WorkerLeaseTest, ACommitIsCarriedOutWhileTheLeaseLasts) {
  take_checkpoint();
  order_all(wire::CommandKind::Commit);
  EXPECT_TRUE(passes([this] { return newest_published(storage_) == 1; }, 1s));
}

TEST_F(WorkerLeaseTest, NothingIsCommittedOnceItIsOverUntilTheCoordinatorHasAnswered) {
  take_checkpoint();
  answers_ = false;
  pass(11s);
  EXPECT_FALSE(worker_->may_commit());
  order_all(wire::CommandKind::Commit);
  pass(60s);
  EXPECT_EQ(newest_published(storage_), 0u);
  answers_ = true;
  EXPECT_TRUE(passes([this] { return newest_published(storage_) == 1; }, 2s)) << "it was held";
}

TEST_F(WorkerLeaseTest, AnAnswerThatLayWhileTheWorkerStoodStillIsWorthNothing) {
  take_checkpoint();
  pauses_ = true;
  ASSERT_TRUE(passes([this] { return process_->is_paused(); }, 1s));
  pass(15s);
  order_all(wire::CommandKind::Commit);
  pass(100ms);
  answers_ = pauses_ = false;
  process_->resume();
  pass(30s);
  EXPECT_EQ(newest_published(storage_), 0u);
}

}  // namespace
}  // namespace weir::simulation
