#include "weir/runtime/transport.h"
#include "weir/runtime/transport_keys.h"
#include "zmq_endpoint.h"

namespace weir::runtime {
namespace {

class ZmqTransport final : public Transport {
 public:
  explicit ZmqTransport(std::shared_ptr<const TransportKeys> keys) : keys_(std::move(keys)) {}

  absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions& options,
                                                 MessageHandler& handler) override {
    auto endpoint = std::make_unique<ZmqEndpoint>(options, handler, keys_);
    const absl::Status status = endpoint->start();
    if (!status.ok()) return status;
    return endpoint;
  }

 private:
  const std::shared_ptr<const TransportKeys> keys_;  // none: everybody is trusted
};

}  // namespace

Transport& zmq_transport() {
  static ZmqTransport transport(nullptr);
  return transport;
}

std::unique_ptr<Transport> make_zmq_transport(TransportKeys keys) {
  return std::make_unique<ZmqTransport>(std::make_shared<const TransportKeys>(std::move(keys)));
}

}  // namespace weir::runtime
