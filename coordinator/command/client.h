// Client: what the weir command asks the coordinator. Synchronous: one question at a time, answered
// by the message that carries the same request number.
//
// One thread, beside the transport's. Questions that can be asked twice are repeated while no
// answer comes, since a connection that breaks loses messages.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/control_message.h"
#include "weir/runtime/clock.h"
#include "weir/runtime/mutex.h"
#include "weir/runtime/transport.h"

namespace weir::coordinator {

class Client final : private runtime::MessageHandler {
 public:
  using Time = runtime::MonotonicTime;

  // `address`: "HOST:PORT". Does not wait for the coordinator. `patience`: with answers to which
  // no other is given.
  static absl::StatusOr<std::unique_ptr<Client>> open(runtime::Transport& transport,
                                                      const std::string& address,
                                                      Time patience = std::chrono::seconds(5));

  // The answer. kUnavailable: nobody answers there (the message says what to do); otherwise what
  // the coordinator says: kNotFound, kAlreadyExists, kInvalidArgument, kResourceExhausted,
  // kFailedPrecondition, kAborted. kInternal: an answer to another question.
  template <class Answer, class Ask>
  absl::StatusOr<Answer> ask(Ask question, Time patience = Time(0));

  // An answer that may be of several kinds, none of them a Failure.
  template <class Ask>
  absl::StatusOr<wire::MessageT> ask_any(Ask question, Time patience = Time(0));

  const std::string& address() const { return address_; }

 private:
  Client(std::string address, Time patience) : address_(std::move(address)), patience_(patience) {}
  void on_message(std::string_view peer, std::string_view head, std::string_view payload) override;
  void on_refused(std::string_view peer, std::string_view why) override;

  // Sends and waits. `is_repeatable`: asking twice is as good as asking once.
  absl::StatusOr<wire::MessageT> exchange(std::uint64_t request, const runtime::Message& question,
                                          bool is_repeatable, Time patience);
  absl::Status nobody_there() const;
  absl::Status refused(const std::string& why) const;

  const std::string address_;
  const Time patience_;
  std::unique_ptr<runtime::Endpoint> endpoint_;
  std::uint64_t last_request_ = 0;
  bool has_answered_ = false;  // ever

  runtime::Mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, wire::MessageT> answers_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t awaited_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string refusal_ ABSL_GUARDED_BY(mutex_);   // why keys do not fit; empty: they do
  absl::Status garbage_ ABSL_GUARDED_BY(mutex_);  // a peer of another version
};

// What the coordinator refused, as a status.
absl::Status status_of(const wire::FailureT& failure);

// Whether asking twice is as good as asking once.
bool is_repeatable(wire::Body question);

template <class Ask>
absl::StatusOr<wire::MessageT> Client::ask_any(Ask question, Time patience) {
  const std::uint64_t request = ++last_request_;
  absl::StatusOr<wire::MessageT> answer =
      exchange(request, encode_control(control(std::move(question), request)),
               is_repeatable(wire::BodyUnionTraits<Ask>::enum_value),
               patience == Time(0) ? patience_ : patience);
  if (!answer.ok()) return answer;
  if (const wire::FailureT* failure = answer->body.AsFailure()) return status_of(*failure);
  return answer;
}

template <class Answer, class Ask>
absl::StatusOr<Answer> Client::ask(Ask question, Time patience) {
  absl::StatusOr<wire::MessageT> answer = ask_any(std::move(question), patience);
  if (!answer.ok()) return answer.status();
  if (answer->body.type != wire::BodyUnionTraits<Answer>::enum_value) {
    return absl::InternalError("the coordinator answered another question");
  }
  return std::move(*static_cast<Answer*>(answer->body.value));
}

}  // namespace weir::coordinator
