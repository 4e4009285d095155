#include "weir/runtime/transport.h"
#include "zmq_endpoint.h"

namespace weir::runtime {
namespace {

class ZmqTransport final : public Transport {
 public:
  absl::StatusOr<std::unique_ptr<Endpoint>> open(const EndpointOptions& options,
                                                 MessageHandler& handler) override {
    auto endpoint = std::make_unique<ZmqEndpoint>(options, handler);
    const absl::Status status = endpoint->start();
    if (!status.ok()) return status;
    return endpoint;
  }
};

}  // namespace

Transport& zmq_transport() {
  static ZmqTransport transport;
  return transport;
}

}  // namespace weir::runtime
