// A savepoint that somebody hands over: its manifest says which files belong to it, and nothing
// outside of its folder may be looked at for that.
#include <cstdint>
#include <string>

#include "fuzz/require.h"
#include "weir/runtime/content_hash.h"
#include "weir/state/savepoint.h"

namespace {

using absl::UnimplementedError;

const std::string kDir = "/savepoint";

// The folder: a manifest, and an empty file under every other name. Nothing can be written.
class Folder final : public weir::runtime::Storage {
 public:
  explicit Folder(std::string manifest) : manifest_(std::move(manifest)) {}

  absl::StatusOr<std::string> read(const std::string& path) override {
    if (path == kDir + "/manifest.json") return manifest_;
    require_inside(path);
    return std::string();
  }
  absl::Status read_pieces(const std::string& path, const Visit&) override {
    require_inside(path);
    return absl::OkStatus();
  }
  absl::StatusOr<std::uint64_t> size(const std::string& path) override {
    require_inside(path);
    return std::uint64_t{0};
  }
  bool exists(const std::string& path) override {
    return path == kDir || path == kDir + "/manifest.json";
  }
  absl::StatusOr<std::vector<std::string>> list(const std::string&) override { return refuse(); }
  absl::StatusOr<std::unique_ptr<weir::runtime::StorageFile>> create(const std::string&) override {
    return refuse();
  }
  absl::Status rename(const std::string&, const std::string&) override { return refuse(); }
  absl::Status link(const std::string&, const std::string&) override { return refuse(); }
  absl::Status remove(const std::string&) override { return refuse(); }
  absl::Status remove_all(const std::string&) override { return refuse(); }
  absl::Status make_dirs(const std::string&) override { return refuse(); }
  absl::Status sync_dir(const std::string&) override { return refuse(); }
  absl::StatusOr<std::shared_ptr<void>> lock(const std::string&) override { return refuse(); }
  void step(std::string_view) override {}

 private:
  static void require_inside(const std::string& path) {
    const std::string files = kDir + "/files/";
    weir::tests::require(path.compare(0, files.size(), files) == 0 &&
                         path.find('/', files.size()) == std::string::npos);
  }
  static absl::Status refuse() {
    weir::tests::require(false);
    return UnimplementedError("");
  }

  const std::string manifest_;
};

void restore(std::string manifest) {
  Folder folder(std::move(manifest));
  const auto savepoint = weir::state::read_savepoint(folder, kDir);
  if (savepoint.ok()) weir::state::verify_savepoint(folder, kDir, *savepoint).IgnoreError();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  restore(text);
  restore(text + "\"xxh3_128\": \"" + weir::runtime::content_hash(text) + "\"}\n");
  return 0;
}
