#include "simulator/simulated_cluster.h"

#include <algorithm>

#include "cluster/job_record.h"
#include "control/plan_spec.h"
#include "weir/runtime/check.h"

namespace weir::simulation {

using coordinator::ClusterCoordinator;
using coordinator::is_ended;
using coordinator::Supervisor;
using runtime::MonotonicTime;
namespace wire = coordinator::wire;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

namespace {

constexpr const char* kAddress = "tcp://10.0.0.1:4600";
constexpr const char* kDir = "/cluster";
constexpr MonotonicTime kPatience = std::chrono::minutes(15);  // after the last fault

std::string program_id() { return std::string(64, 'a'); }

}  // namespace

SimulatedCluster::SimulatedCluster(std::uint64_t seed)
    : seed_(seed),
      clock_(MonotonicTime(1h)),
      processes_(seed, clock_),
      network_(processes_),
      storage_(seed),
      random_(seed * 0x9e3779b97f4a7c15u + 1),
      world_{processes_, network_, storage_, {}, 100, {}, {}, 0, {}},
      programs_({{program_id(), "the program"}}) {
  world_.load.parallelism = 1 + static_cast<std::uint32_t>(random_() % 3);
  parallelism_ = world_.load.parallelism;
  WEIR_CHECK(storage_.make_dirs(kDir).ok(), "a folder can be made");
  start_coordinator();
  const std::size_t hosts = 1 + random_() % 3;
  for (std::size_t i = 1; i <= hosts; ++i) {
    SupervisorNode& node = supervisors_.emplace_back();
    node.name = "s" + std::to_string(i);
    node.host = std::make_unique<SimulatedHost>(world_, node.name);
    start_supervisor(node);
  }
  client_process_ = processes_.start("client");
  auto client = network_.transport(*client_process_).open({.name = "c:1", .listen = ""}, *this);
  WEIR_CHECK(client.ok() && (*client)->connect("coordinator", kAddress).ok(), "a client connects");
  client_ = *std::move(client);
  next_ask_ = clock_.now() + 100ms;
  plan_faults();
  plan_moves();
}

SimulatedCluster::~SimulatedCluster() {
  for (SupervisorNode& node : supervisors_) {
    if (node.process != nullptr) crash_supervisor(node);
    node.host->lose_power();
  }
  if (coordinator_.process != nullptr) crash_coordinator();
  client_process_->crash();
  network_.crash(*client_process_);
  client_.reset();
}

// --- nodes ---------------------------------------------------------------------------------------

void SimulatedCluster::start_coordinator() {
  coordinator_.process = processes_.start("coordinator");
  coordinator::ClusterCoordinatorOptions options;
  options.dir = kDir;
  options.listen = kAddress;
  options.transport = &network_.transport(*coordinator_.process);
  options.storage = &storage_;
  options.clock = &clock_;
  options.executor = coordinator_.process.get();
  options.programs = &programs_;
  options.job.seed = seed_;
  options.job.checkpoint_timeout = 20s;
  options.pid = world_.next_pid++;
  absl::StatusOr<std::unique_ptr<ClusterCoordinator>> started =
      ClusterCoordinator::start(std::move(options));
  if (started.ok()) {
    coordinator_.actor = *std::move(started);
    return;
  }
  // A disk in trouble: it tries again, as whoever starts daemons does.
  coordinator_.process->crash();
  network_.crash(*coordinator_.process);
  coordinator_.process.reset();
  const bool is_power_gone = storage_.dead();  // in the middle of its start
  if (is_calm_ && !is_power_gone)
    return fail("the coordinator does not start: " + started.status().ToString());
  restart_["coordinator"] = clock_.now() + 1s;
}

void SimulatedCluster::start_supervisor(SupervisorNode& node) {
  node.process = processes_.start(node.name);
  node.logs = std::make_unique<coordinator::WorkerLogs>("/dev/null/" + node.name);
  coordinator::SupervisorOptions options;
  options.name = node.name;
  options.host = node.name;
  options.slots = 3;
  options.pid = world_.next_pid++;
  options.coordinator = kAddress;
  node.actor = std::make_unique<Supervisor>(
      options,
      Supervisor::Parts{clock_, *node.process, *node.host, node.host->programs, *node.logs});
  WEIR_CHECK(node.actor->open(network_.transport(*node.process)).ok(), "a supervisor starts");
}

void SimulatedCluster::crash_coordinator() {
  coordinator_.process->crash();
  network_.crash(*coordinator_.process);
  coordinator_.actor.reset();
  coordinator_.process.reset();
}

void SimulatedCluster::crash_supervisor(SupervisorNode& node) {
  node.host->lose_supervisor();
  node.process->crash();
  network_.crash(*node.process);
  node.actor.reset();
  node.process.reset();
}

// Everything stops at once; of the disk only what was synced is left.
void SimulatedCluster::lose_power() {
  if (coordinator_.process != nullptr) crash_coordinator();
  restart_["coordinator"] = clock_.now() + chance_time(100ms, 5s);
  for (SupervisorNode& node : supervisors_) {
    if (node.process != nullptr) crash_supervisor(node);
    node.host->lose_power();
    restart_[node.name] = clock_.now() + chance_time(100ms, 5s);
  }
  wake_.clear();
  storage_.crash();
  check_commits();
}

// --- the client ----------------------------------------------------------------------------------

void SimulatedCluster::ask(Time now) {
  next_ask_ = now + 1s;
  asked_epoch_ = world_.last_epoch;
  if (job_.empty() && from_.empty()) return submit();
  // A job that goes on from a savepoint may be there already, and only its answer lost.
  wire::GetJobT get;
  get.job = job_.empty() ? "sim" : job_;
  tell(std::move(get));
}

void SimulatedCluster::submit() {
  wire::SubmitT submit;
  submit.submission_id = "sim" + from_;
  submit.name = "sim";
  submit.program_sha256 = program_id();
  submit.program_name = "sim";
  submit.parallelism = parallelism_;
  submit.arguments = {"--parallelism=" + std::to_string(parallelism_)};
  submit.wait_for_slots = true;
  submit.from_savepoint = from_;
  submit.plan = std::make_unique<wire::PlanSpecT>(plan_at(parallelism_));
  tell(std::move(submit));
}

void SimulatedCluster::look_at(const wire::JobInfoT& job, bool is_newest) {
  if (job_.empty()) {
    if (job.id == before_) return submit();
    job_ = job.id;
  }
  if (job.id == before_) return;  // an old answer
  // An epoch is only known for certain once its workers are started; the next job has none at
  // first.
  const bool has_epoch = job.epoch != 0 || before_.empty();
  if (is_newest && has_epoch && job.epoch < asked_epoch_) fail("the epoch went back");
  state_ = job.state;
  result_.restarts = std::max(result_.restarts, job.restarts);
  move(job);
  const bool is_moving = state_ == wire::JobState::Stopped && job.id == before_;
  if (is_ended(state_) && state_ != wire::JobState::Finished && !is_moving) {
    fail("the job ended otherwise: " + job.last_failure);
  }
}

void SimulatedCluster::on_message(std::string_view, std::string_view head, std::string_view) {
  absl::StatusOr<wire::MessageT> message = coordinator::decode_control(head);
  if (!message.ok()) return fail("the client got garbage: " + message.status().ToString());
  if (const auto* submitted = message->body.AsSubmitted()) {
    job_ = submitted->job;
    is_promised_ = true;
  } else if (const auto* refused = message->body.AsFailure()) {
    // The answer to an earlier try was lost.
    if (job_.empty() && refused->code == wire::FailureCode::AlreadyExists) job_ = "sim";
    if (!job_.empty() && refused->message.starts_with("there is no job")) {
      if (is_promised_) return fail("a job that was accepted is forgotten");
      job_.clear();  // nobody has promised it yet
    }
    const std::string& why = refused->message;
    if (why.find("the savepoint cannot be used") != std::string::npos ||
        why.find("no savepoint") != std::string::npos) {
      fail("a savepoint that was reported cannot be used: " + why);
    }
  } else if (const auto* jobs = message->body.AsJobs()) {
    if (jobs->jobs.empty()) return;
    look_at(*jobs->jobs.front(), message->request == request_);
  }
}

// --- oracles -------------------------------------------------------------------------------------

void SimulatedCluster::fail(const std::string& what) {
  if (result_.failure.empty()) {
    const double at = std::chrono::duration<double>(clock_.now() - MonotonicTime(1h)).count();
    result_.failure = what + " (at " + std::to_string(at) + " s)";
  }
}

// Commit only after a durable, complete checkpoint: whatever is published belongs to a manifest
// that has survived.
void SimulatedCluster::check_commits() {
  const std::uint64_t published = newest_published(storage_);
  if (published == 0) return;
  std::uint64_t newest = 0;
  const auto jobs = storage_.list(std::string(kDir) + "/jobs");
  if (!jobs.ok()) return fail("something is committed, and no job is left");
  for (const std::string& job : *jobs) {
    const std::string folder = std::string(kDir) + "/jobs/" + job + "/state/checkpoints";
    if (!storage_.exists(folder)) continue;
    const auto ids = storage_.list(folder);
    if (!ids.ok()) continue;
    for (const std::string& id : *ids) {
      if (!storage_.exists(folder + "/" + id + "/manifest.json")) continue;
      newest = std::max<std::uint64_t>(newest, std::strtoull(id.c_str(), nullptr, 10));
    }
  }
  if (published > newest) {
    fail("files of checkpoint " + std::to_string(published) + " are published, the newest " +
         "complete one is " + std::to_string(newest));
  }
}

// Nothing restarts without a reason: neither a wall clock that jumps nor a wish of people is one.
void SimulatedCluster::check_calm() {
  for (const auto& [kind, count] : result_.faults) {
    if (kind != kClockJump && kind != kRescale && kind != kSavepoint && kind != kGoOn &&
        kind != kDrain) {
      return;
    }
  }
  if (result_.restarts != 0) fail("the job was restarted although nothing had happened to it");
}

// Of a job that was drained, all that follows from what it has read of each partition.
void SimulatedCluster::check_output() {
  const std::vector<std::string> got = committed_lines(storage_);
  const std::optional<Lengths> read = is_draining_ ? lengths_read(world_.load, got) : std::nullopt;
  if (is_draining_ && !read.has_value()) {
    return fail("a drained job has committed what no beginning of its input gives");
  }
  if (read.has_value()) result_.records_read = (*read)[0] + (*read)[1];
  const std::vector<std::string> want =
      read.has_value() ? expected_lines(world_.load, *read) : expected_lines(world_.load);
  if (got == want) return;
  std::vector<std::string> only;
  std::set_symmetric_difference(got.begin(), got.end(), want.begin(), want.end(),
                                std::back_inserter(only));
  fail("committed " + std::to_string(got.size()) + " lines instead of " +
       std::to_string(want.size()) + ", e.g. " + (only.empty() ? "" : only.front()));
}

SimResult SimulatedCluster::run() {
  const Time start = clock_.now();
  while (result_.failure.empty()) {
    const Time now = clock_.now();
    if (now >= next_ask_) ask(now);
    strike(now);
    if (!processes_.step(clock_.now() + 20ms) && clock_.now() == now) clock_.advance(1ms);
    for (SupervisorNode& node : supervisors_) node.host->reap();
    if (storage_.dead()) lose_power();
    if (!world_.violation.empty()) fail(world_.violation);
    if (now >= next_look_) {
      // What a slow disk delays is to be seen in between.
      next_look_ = now + (is_disk_slow_ ? 10ms : 1s);
      check_commits();
    }
    if (is_calm_ && state_ == wire::JobState::Finished) break;
    if (now > calm_at_ + kPatience) fail("no progress after the faults are over");
  }
  if (result_.failure.empty()) {
    check_output();
    check_commits();
    check_calm();
    check_savepoints();
  }
  for (std::uint32_t n = 1; n <= savepoints_ + 1; ++n) {
    for (const char* file : {"/events.ndjson", "/job.json"}) {
      const auto text = storage_.read(std::string(kDir) + "/jobs/sim-" + std::to_string(n) + file);
      if (text.ok()) result_.history += *text + "\n";
    }
  }
  result_.digest = processes_.digest();
  result_.steps = processes_.steps();
  result_.simulated_seconds = std::chrono::duration<double>(clock_.now() - start).count();
  return result_;
}

SimResult run_seed(std::uint64_t seed) { return SimulatedCluster(seed).run(); }

}  // namespace weir::simulation
