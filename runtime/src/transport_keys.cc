#include "weir/runtime/transport_keys.h"

#include <zmq.h>

#include <array>

namespace weir::runtime {
namespace {

constexpr std::size_t kKeyChars = 40;

}  // namespace

absl::StatusOr<KeyPair> make_key_pair() {
  std::array<char, kKeyChars + 1> public_key{};
  std::array<char, kKeyChars + 1> secret_key{};
  if (zmq_has("curve") == 0 || zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
    return absl::UnimplementedError(
        "this machine's ZeroMQ has no CURVE; install one that was built with libsodium");
  }
  return KeyPair{public_key.data(), secret_key.data()};
}

bool is_key(std::string_view text) {
  std::array<std::uint8_t, kKeyBytes> bytes{};
  return text.size() == kKeyChars && text.find('\0') == std::string_view::npos &&
         zmq_z85_decode(bytes.data(), std::string(text).c_str()) != nullptr;
}

std::string public_key_of(std::string_view secret_key) {
  std::array<char, kKeyChars + 1> public_key{};
  if (!is_key(secret_key) ||
      zmq_curve_public(public_key.data(), std::string(secret_key).c_str()) != 0) {
    return "";
  }
  return public_key.data();
}

}  // namespace weir::runtime
