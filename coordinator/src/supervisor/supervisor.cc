#include "supervisor/supervisor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "safe_name.h"

namespace weir::coordinator {

namespace {

constexpr std::uint32_t kMostLogBytes = 1u << 20;
// So many heartbeats without an answer, and it introduces itself again: a hello costs nothing.
constexpr int kMissedHeartbeats = 3;

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, Parts parts)
    : Actor(parts.clock),
      options_(std::move(options)),
      executor_(parts.executor),
      processes_(parts.processes),
      programs_(parts.programs),
      logs_(parts.logs) {}

absl::Status Supervisor::open(runtime::Transport& transport) {
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> endpoint =
      transport.open({.name = "s:" + options_.name, .listen = ""}, *this);
  if (!endpoint.ok()) return endpoint.status();
  endpoint_ = *std::move(endpoint);
  const absl::Status connected = endpoint_->connect("coordinator", options_.coordinator);
  if (!connected.ok()) return connected;
  executor_.submit_io([this] {
    std::vector<Processes::Running> workers =
        processes_.adopt([this](WorkerExit exit) { post({std::move(exit)}); });
    post({SupervisorEvent::Adopted{std::move(workers)}});
  });
  retry_ = options_.first_retry;
  executor_.add(*this);
  return absl::OkStatus();
}

void Supervisor::on_message(std::string_view peer, std::string_view head, std::string_view) {
  if (peer != "coordinator") return;
  absl::StatusOr<wire::MessageT> message = decode_control(head);
  if (message.ok()) {
    post({*std::move(message)});
  } else {
    options_.say(absl::StrCat("a message of the coordinator is passed over: ",
                              std::string(message.status().message())));
  }
}

void Supervisor::on_unreachable(std::string_view) { post({SupervisorEvent::Unreachable{}}); }

void Supervisor::on_refused(std::string_view, std::string_view why) {
  post({SupervisorEvent::Refused{std::string(why)}});
}

void Supervisor::handle(SupervisorEvent event) {
  if (auto* message = std::get_if<wire::MessageT>(&event.what)) {
    heard_at_ = clock().now();
    if (has_adopted_) {
      heard(std::move(*message));
    } else if (waiting_.size() < 1000) {
      waiting_.push_back(std::move(*message));
    }
  } else if (std::holds_alternative<SupervisorEvent::Unreachable>(event.what)) {
    if (is_welcome_) lost_coordinator();
  } else if (const auto* refused = std::get_if<SupervisorEvent::Refused>(&event.what)) {
    if (is_welcome_) lost_coordinator();
    if (refusal_ != refused->why) {
      options_.say(absl::StrCat("the coordinator at ", options_.coordinator,
                                " does not accept this supervisor, or is not accepted: ",
                                refused->why, "; it tries again"));
    }
    refusal_ = refused->why;
  } else if (auto* started_event = std::get_if<SupervisorEvent::Started>(&event.what)) {
    started(*started_event);
  } else if (auto* stored_event = std::get_if<SupervisorEvent::Stored>(&event.what)) {
    stored(*stored_event);
  } else if (auto* adopted_event = std::get_if<SupervisorEvent::Adopted>(&event.what)) {
    adopted(std::move(*adopted_event));
  } else {
    exited(std::move(std::get<WorkerExit>(event.what)));
  }
  if (is_shutting_down_ && workers_.empty() && !is_over()) {
    options_.say("all workers have ended, and so does this supervisor");
    end();
    options_.on_over();
  }
}

void Supervisor::heard(wire::MessageT message) {
  wire::BodyUnion& body = message.body;
  if (const auto* welcome = body.AsSupervisorWelcome()) {
    if (!is_welcome_) options_.say("the coordinator at " + options_.coordinator + " answers");
    is_welcome_ = true;
    refusal_.clear();
    retry_ = options_.first_retry;
    heartbeat_ = std::clamp<Time>(std::chrono::microseconds(welcome->heartbeat_us),
                                  std::chrono::milliseconds(10), std::chrono::minutes(1));
    next_heartbeat_ = clock().now() + heartbeat_;
    // What was asked for before may have been lost.
    for (auto& [sha256, fetch] : fetches_) fetch.retry_at = clock().now();
  } else if (auto* start = body.AsStartWorker()) {
    start_worker(std::move(*start));
  } else if (const auto* stop = body.AsStopWorker()) {
    stop_worker(*stop);
  } else if (const auto* fenced = body.AsFenced()) {
    stop_job(fenced->job, fenced->epoch);
  } else if (auto* part = body.AsProgramPart()) {
    got_part(std::move(*part));
  } else if (const auto* log = body.AsGetLog()) {
    answer_log(*log, message.request);
  } else if (const auto* failure = body.AsFailure()) {
    options_.say("the coordinator refuses: " + failure->message);
  } else if (body.AsIntroduce() != nullptr) {
    say_hello();
  } else if (body.AsShutdownSupervisor() != nullptr) {
    shut_down();
  }
}

void Supervisor::say_hello() {
  is_welcome_ = false;
  wire::SupervisorHelloT hello;
  hello.supervisor = options_.name;
  hello.host = options_.host;
  hello.slots = options_.slots;
  hello.pid = options_.pid;
  for (const auto& [name, worker] : workers_) {
    auto ref = std::make_unique<wire::WorkerRefT>();
    ref->worker = name;
    ref->job = worker.name.job;
    ref->epoch = worker.name.epoch;
    ref->pid = worker.pid;
    ref->slots = worker.name.slots;
    hello.workers.push_back(std::move(ref));
  }
  tell(std::move(hello));
  next_hello_ = clock().now() + retry_;
  retry_ = std::min(2 * retry_, options_.longest_retry);
}

void Supervisor::lost_coordinator() {
  options_.say("the coordinator at " + options_.coordinator +
               " does not answer; workers go on, and this supervisor tries again");
  is_welcome_ = false;
  retry_ = options_.first_retry;
  next_hello_ = clock().now() + retry_;
}

void Supervisor::tick(Time now) {
  if (!has_adopted_) return;
  if (is_welcome_ && now - heard_at_ > kMissedHeartbeats * heartbeat_) lost_coordinator();
  if (!is_welcome_ && now >= next_hello_) say_hello();
  if (is_welcome_ && now >= next_heartbeat_) {
    wire::HeartbeatT beat;
    beat.sequence = ++sequence_;
    tell(beat);
    next_heartbeat_ = now + heartbeat_;
  }
  // A fetch that fails is gone from the map.
  std::vector<std::string> due;
  for (const auto& [sha256, fetch] : fetches_) {
    if (!fetch.is_storing && now >= fetch.retry_at) due.push_back(sha256);
  }
  for (const std::string& sha256 : due) ask_for_part(sha256, fetches_.at(sha256));
  if (now >= next_tend_) tend();
}

Supervisor::Time Supervisor::next_tick() const {
  if (!has_adopted_) return Time::max();
  Time next = std::min(next_tend_, is_welcome_ ? next_heartbeat_ : next_hello_);
  for (const auto& [sha256, fetch] : fetches_) {
    if (!fetch.is_storing) next = std::min(next, fetch.retry_at);
  }
  return next;
}

void Supervisor::tend() {
  next_tend_ = clock().now() + options_.tend_interval;
  std::set<std::string> running;
  for (const auto& [name, worker] : workers_) running.insert(name);
  executor_.submit_io([this, running = std::move(running)] {
    // A disk that is full hits the job's checkpoints too, and those say so.
    logs_.tend(running).IgnoreError();
  });
}

void Supervisor::answer_log(const wire::GetLogT& ask, std::uint64_t request) {
  executor_.submit_io([this, job = ask.job, worker = ask.worker, offset = ask.offset,
                       most = std::min(ask.most, kMostLogBytes), request]() mutable {
    if (worker.empty()) worker = logs_.latest_of(job);
    absl::StatusOr<WorkerLogs::Part> part =
        is_safe_name(worker) ? logs_.read(worker, offset, most)
                             : absl::StatusOr<WorkerLogs::Part>(absl::NotFoundError(absl::StrCat(
                                   "job ", job, " has no log at supervisor ", options_.name)));
    if (!part.ok()) {
      wire::FailureT failure;
      failure.code = wire::FailureCode::NotFound;
      failure.message = std::string(part.status().message());
      tell(std::move(failure), request);
      return;
    }
    wire::LogPartT answer;
    answer.worker = worker;
    answer.offset = part->offset;
    answer.bytes.assign(part->bytes.begin(), part->bytes.end());
    answer.end = part->end;
    tell(std::move(answer), request);
  });
}

}  // namespace weir::coordinator
