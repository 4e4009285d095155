// Keys of the transport: who a process is, and whom it believes. CURVE (CurveCP's handshake on
// Curve25519, as in ZeroMQ's RFC 26) both ways: whoever listens proves that it holds the cluster's
// secret key, whoever connects proves a key that is looked up before anything it says is read.
//
// Why two kinds: docs/internals/security.md.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "weir/runtime/transport.h"

namespace weir::runtime {

// Of either half, before Z85 makes 40 characters of them.
inline constexpr std::size_t kKeyBytes = 32;

// Both halves in Z85, 40 characters each.
struct KeyPair {
  std::string public_key;
  std::string secret_key;
};

// A new pair, from the system's source of randomness. kUnimplemented: a ZeroMQ without CURVE.
absl::StatusOr<KeyPair> make_key_pair();
// Whether `text` has the form of a key.
bool is_key(std::string_view text);
// The public half that belongs to a secret one; empty if `secret_key` has not the form of a key.
std::string public_key_of(std::string_view secret_key);

struct TransportKeys {
  KeyPair own;                     // with the cluster's pair a process is a member of the cluster
  std::string cluster_public_key;  // of everybody who listens
  // The name of a client by its public key; empty: a stranger. From the transport's thread, for
  // each connection.
  std::function<std::string(const std::string& public_key)> client_of = [](const std::string&) {
    return std::string();
  };

  bool is_member() const { return own.public_key == cluster_public_key; }
};

// What the endpoint names of clients begin with. Whoever holds a client's key and calls itself
// anything else is not heard.
inline constexpr std::string_view kClientNames = "c:";

// As zmq_transport(), with CURVE on every socket. Only a member may listen (kPermissionDenied).
// Endpoints may outlive it.
std::unique_ptr<Transport> make_zmq_transport(TransportKeys keys);

}  // namespace weir::runtime
