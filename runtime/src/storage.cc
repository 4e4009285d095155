#include "weir/runtime/storage.h"

namespace weir::runtime {

absl::Status write_synced(Storage& storage, const std::string& path, std::string_view bytes) {
  absl::StatusOr<std::unique_ptr<StorageFile>> file = storage.create(path);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->append(bytes);
  if (status.ok()) status = (*file)->sync();
  if (status.ok()) status = (*file)->close();
  return status;
}

}  // namespace weir::runtime
