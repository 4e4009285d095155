#include "weir/runtime/storage.h"

namespace weir::runtime {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status remove_if_there(Storage& storage, const std::string& path) {
  return storage.exists(path) ? storage.remove(path) : absl::OkStatus();
}

absl::Status write_synced(Storage& storage, const std::string& path, std::string_view bytes) {
  absl::StatusOr<std::unique_ptr<StorageFile>> file = storage.create(path);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->append(bytes);
  if (status.ok()) status = (*file)->sync();
  if (status.ok()) status = (*file)->close();
  return status;
}

}  // namespace weir::runtime
