#include "weir/runtime/topology.h"

#include <algorithm>
#include <map>

namespace weir::runtime {

std::string Place::text() const {
  const std::string_view path(file);
  const std::size_t slash = path.find_last_of('/');
  const std::string_view base = slash == std::string_view::npos ? path : path.substr(slash + 1);
  return std::string(base) + ":" + std::to_string(line);
}

Vertex& Topology::add(Vertex vertex) {
  vertex.id = VertexId(static_cast<std::uint32_t>(vertices_.size()));
  vertices_.push_back(std::move(vertex));
  return vertices_.back();
}

void Topology::fault(Place place, std::string message) {
  faults_.push_back(place.text() + ": " + std::move(message));
}

std::string Topology::derive_name(VertexId from, std::string_view kind) const {
  const std::string base = vertices_[from.value].name + "." + std::string(kind);
  std::string name = base;
  const auto is_taken = [&] {
    return std::any_of(vertices_.begin(), vertices_.end(),
                       [&](const Vertex& v) { return v.name == name; });
  };
  for (int n = 2; is_taken(); ++n) name = base + std::to_string(n);
  return name;
}

Topology::SideOutput Topology::find_side_output(const Name& name, const RecordType& type) {
  std::string known;
  for (const Vertex& v : vertices_) {
    for (std::uint32_t i = 0; i < v.side_outputs.size(); ++i) {
      known += (known.empty() ? "'" : ", '") + v.side_outputs[i] + "'";
      if (v.side_outputs[i] != name.text) continue;
      if (v.outputs[i + 1] == &type) return {v.id, i + 1};
      fault(name.place, "the side stream '" + name.text + "' of '" + v.name +
                            "' has another record type than the one asked for");
      return {v.id, i + 1};
    }
  }
  fault(name.place, "there is no side stream '" + name.text + "' here; " +
                        (known.empty() ? "none has been declared before this call"
                                       : "declared before this call: " + known));
  return {};
}

absl::Status Topology::validate() const {
  std::vector<std::string> faults = params_.faults();
  faults.insert(faults.end(), faults_.begin(), faults_.end());
  if (max_parallelism == 0 || max_parallelism > kMostKeyGroups) {
    faults.push_back("max_parallelism is " + std::to_string(max_parallelism) +
                     "; it must lie between 1 and " + std::to_string(kMostKeyGroups));
  }
  if (vertices_.empty()) {
    faults.push_back("the topology is empty: start a stream with t.spout(\"name\", ...)");
  }
  std::map<std::string, const Vertex*> by_name;
  std::map<std::string, std::pair<const Vertex*, std::uint32_t>> by_stream;
  const auto is_read = [this](const Vertex& v, std::uint32_t port) {
    return std::any_of(edges_.begin(), edges_.end(),
                       [&](const Edge& e) { return e.from == v.id && e.from_port == port; });
  };
  for (const Vertex& v : vertices_) {
    const auto [it, is_new] = by_name.emplace(v.name, &v);
    if (!is_new) {
      faults.push_back(v.place.text() + ": the name '" + v.name + "' is taken by the " +
                       it->second->kind + " at " + it->second->place.text() +
                       "; names are unique, since state and output files go by them");
    }
    if (v.name.empty()) faults.push_back(v.place.text() + ": a name must not be empty");
    if (v.name.ends_with("/pre")) {
      faults.push_back(v.place.text() + ": the name '" + v.name +
                       "' ends with \"/pre\", which the engine keeps for halves of operators");
    }
    for (std::uint32_t i = 0; i < v.side_outputs.size(); ++i) {
      const auto [known, is_first] = by_stream.emplace(v.side_outputs[i], std::pair(&v, i + 1));
      const auto& [other, port] = known->second;
      if (is_first || (!is_read(v, i + 1) && !is_read(*other, port))) continue;
      faults.push_back(v.place.text() + ": the side stream '" + v.side_outputs[i] + "' of '" +
                       v.name + "' has the name of one that '" + other->name + "' at " +
                       other->place.text() + " sends; give each a name of its own");
    }
    if (v.parallelism.has_value() && (*v.parallelism == 0 || *v.parallelism > max_parallelism)) {
      faults.push_back(v.place.text() + ": '" + v.name + "' has parallelism " +
                       std::to_string(*v.parallelism) + "; it must lie between 1 and " +
                       std::to_string(max_parallelism));
    }
    const bool has_consumer =
        v.role == VertexKind::kSink ||
        std::any_of(edges_.begin(), edges_.end(), [&](const Edge& e) { return e.from == v.id; });
    if (!has_consumer) {
      faults.push_back(v.place.text() + ": nothing reads the output of '" + v.name +
                       "'; end the stream with .sink(...), or discard it with "
                       ".sink(\"name\", weir::discard())");
    }
  }
  if (faults.empty()) return absl::OkStatus();
  std::string text = faults.size() == 1
                         ? "the topology has a fault:"
                         : "the topology has " + std::to_string(faults.size()) + " faults:";
  for (const std::string& fault : faults) text += "\n  " + fault;
  return absl::InvalidArgumentError(text);
}

}  // namespace weir::runtime
