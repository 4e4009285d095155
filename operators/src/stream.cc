#include "weir/operators/stream.h"

namespace weir::operators {

VertexId add_vertex(const StreamSource& from, const runtime::RecordType& type, Vertex vertex) {
  const VertexId id = from.topology->add(std::move(vertex)).id;
  from.topology->connect({from.vertex, from.port, id, 0, from.grouping, from.custom, &type});
  return id;
}

}  // namespace weir::operators
