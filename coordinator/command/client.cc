#include "client.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "weir/runtime/port_owner.h"

namespace weir::coordinator {

namespace {

using runtime::MutexLock;
using namespace std::chrono_literals;

constexpr Client::Time kRepeat = 1s;

// A connection that is refused is not heard of: the transport tries again for ever. On this machine
// it can be seen whether anybody listens.
bool is_surely_away(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon);
  if (colon == std::string::npos || (host != "localhost" && !host.starts_with("127.")))
    return false;
  return !runtime::is_port_taken(
      static_cast<std::uint16_t>(std::strtoul(address.c_str() + colon + 1, nullptr, 10)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::open(runtime::Transport& transport,
                                                     const std::string& address, Time patience) {
  std::unique_ptr<Client> client(new Client(address, patience));
  runtime::EndpointOptions options;
  options.name = absl::StrCat("c:", ::getpid(), "-", runtime::system_clock().now().count());
  absl::StatusOr<std::unique_ptr<runtime::Endpoint>> endpoint = transport.open(options, *client);
  if (!endpoint.ok()) return endpoint.status();
  client->endpoint_ = *std::move(endpoint);
  const absl::Status connected = client->endpoint_->connect("coordinator", "tcp://" + address);
  if (!connected.ok()) return connected;
  return client;
}

void Client::on_message(std::string_view, std::string_view head, std::string_view) {
  absl::StatusOr<wire::MessageT> message = decode_control(head);
  MutexLock lock(mutex_);
  if (!message.ok()) {
    garbage_ = message.status();
  } else if (message->request == awaited_) {
    answers_.emplace(message->request, *std::move(message));
  }
  changed_.notify_all();
}

void Client::on_refused(std::string_view, std::string_view why) {
  MutexLock lock(mutex_);
  refusal_ = why;
  changed_.notify_all();
}

absl::Status Client::refused(const std::string& why) const {
  return absl::UnavailableError(absl::StrCat(
      "the coordinator at ", address_, " and this side do not accept each other: ", why,
      "\n  keys are in the folder keys of the cluster's folder, or where "
      "WEIR_KEYS=DIR or -D security.keys=DIR say\n  a client's keys are made at the "
      "coordinator's host: weir keys add NAME"));
}

absl::Status Client::nobody_there() const {
  return absl::UnavailableError(
      absl::StrCat("no coordinator answers at ", address_, has_answered_ ? " any more" : "",
                   "\n  start a local cluster with: weir up\n  or name one with -m HOST:PORT or "
                   "WEIR_COORDINATOR=HOST:PORT"));
}

absl::StatusOr<wire::MessageT> Client::exchange(std::uint64_t request,
                                                const runtime::Message& question, bool repeatable,
                                                Time patience) {
  runtime::Clock& clock = runtime::system_clock();
  const Time start = clock.now();
  Time sent_at = start;
  if (is_surely_away(address_)) return nobody_there();
  std::unique_lock<std::mutex> lock(mutex_.native());
  awaited_ = request;
  endpoint_->send("coordinator", question);
  for (;;) {
    const auto answer = answers_.find(request);
    if (answer != answers_.end()) {
      has_answered_ = true;
      wire::MessageT message = std::move(answer->second);
      answers_.clear();
      return message;
    }
    if (!refusal_.empty()) return refused(std::exchange(refusal_, ""));
    if (!garbage_.ok()) return std::exchange(garbage_, absl::OkStatus());
    const Time now = clock.now();
    if (now - start >= patience) return nobody_there();
    if (now - sent_at >= kRepeat) {
      if (is_surely_away(address_)) return nobody_there();
      sent_at = now;
      if (repeatable) endpoint_->send("coordinator", question);
    }
    changed_.wait_for(lock, 50ms);
  }
}

absl::Status status_of(const wire::FailureT& failure) {
  const std::string& text = failure.message;
  switch (failure.code) {
    case wire::FailureCode::NotFound: return absl::NotFoundError(text);
    case wire::FailureCode::AlreadyExists: return absl::AlreadyExistsError(text);
    case wire::FailureCode::Invalid: return absl::InvalidArgumentError(text);
    case wire::FailureCode::NoSlots: return absl::ResourceExhaustedError(text);
    case wire::FailureCode::Unavailable: return absl::AbortedError(text);
    case wire::FailureCode::WrongState: return absl::FailedPreconditionError(text);
    case wire::FailureCode::Other: break;
  }
  return absl::UnknownError(text);
}

bool is_repeatable(wire::Body question) {
  switch (question) {
    case wire::Body::ListJobs:
    case wire::Body::GetJob:
    case wire::Body::ListCluster:
    case wire::Body::GetEvents:
    case wire::Body::GetLog:
    case wire::Body::FetchProgram:
    case wire::Body::UploadProgram:  // bytes that are there already are passed over
    case wire::Body::Submit:         // with its id it is one job
      return true;
    default: return false;
  }
}

}  // namespace weir::coordinator
