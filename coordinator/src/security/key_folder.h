// The keys of a cluster, or of one of its clients, as files. Why: docs/internals/security.md.
//
//   <dir>/cluster.public   what everybody who listens is known by; on hosts and with clients
//   <dir>/cluster.secret   makes a host a member of the cluster; on its hosts only
//   <dir>/allowed          at the coordinator: clients, one "NAME KEY" per line, # for remarks
//   <dir>/client.public, <dir>/client.secret    with a client
//   <dir>/clients/<name>/  made for a client: to be taken there
// A key is one line of 40 characters. Files are 0600, folders 0700.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "weir/runtime/transport_keys.h"

namespace weir::coordinator {

// kAlreadyExists: there are keys, which stay as they are.
absl::Status make_cluster_keys(const std::string& dir);
// A new client: its folder, and its line in the allow-list. kAlreadyExists, kNotFound (no cluster's
// keys), kInvalidArgument (the name).
absl::StatusOr<std::string> make_client_keys(const std::string& dir, const std::string& name);

// The clients that a coordinator lets in. Read again when the file has changed, so that who is
// taken off the list stays out from then on. A file that cannot be read lets nobody in. One thread.
class AllowList {
 public:
  explicit AllowList(std::string path) : path_(std::move(path)) {}

  // kInvalidArgument, with the line, if it is not as it should be. None at all is an empty one.
  absl::Status read();
  // The client's name; empty if the key is not on the list.
  std::string client_of(const std::string& public_key);

 private:
  // What tells one version of the file from the next.
  std::string version() const;

  std::string path_;
  std::string read_version_;
  std::map<std::string, std::string> names_;  // by key
};

// A cluster's keys where there is cluster.secret, else a client's. kNotFound: there are none;
// kFailedPrecondition: one that is no key, does not fit its other half, or that others can read.
absl::StatusOr<runtime::TransportKeys> read_keys(const std::string& dir);

// The transport of a process, with keys or without.
struct ClusterTransport {
  std::string keys;  // their folder; empty: there are none
  bool is_member = false;
  std::unique_ptr<runtime::Transport> with_keys;

  runtime::Transport& get() const { return with_keys ? *with_keys : runtime::zmq_transport(); }
  // Daemons must be members, if there are keys at all.
  absl::Status check_member(const std::string& role) const;
};
// ", keys DIR", or that there are none.
std::string keys_in_words(const ClusterTransport& transport);
// `dir`: empty for none.
absl::StatusOr<ClusterTransport> open_transport(const std::string& dir);

}  // namespace weir::coordinator
