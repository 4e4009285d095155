#include "posix_status.h"

#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace weir::runtime {
namespace {

struct Advice {
  absl::StatusCode code;
  const char* what_to_do;
};

Advice advice_for(int error) {
  switch (error) {
    case ENOENT:
      return {absl::StatusCode::kNotFound, "check the path; a file or folder in it does not exist"};
    case EEXIST:
    case ENOTEMPTY:
      return {absl::StatusCode::kAlreadyExists, "choose another name or remove what is there"};
    case EACCES:
    case EPERM:
      return {absl::StatusCode::kPermissionDenied,
              "give the user of this process the right to read and write there"};
    case EROFS:
      return {absl::StatusCode::kPermissionDenied,
              "the file system is read-only: mount it writable or choose another folder"};
    case ENOSPC:
    case EDQUOT:
      return {absl::StatusCode::kResourceExhausted,
              "free space on this file system (or raise the quota)"};
    case EFBIG:
      return {absl::StatusCode::kResourceExhausted, "raise the limit on file sizes (ulimit -f)"};
    case EMFILE:
    case ENFILE:
      return {absl::StatusCode::kResourceExhausted,
              "raise the limit on open files (ulimit -n) of this process"};
    case ENOTDIR:
      return {absl::StatusCode::kFailedPrecondition, "a file stands where a folder is needed"};
    case EISDIR:
      return {absl::StatusCode::kFailedPrecondition, "a folder stands where a file is needed"};
    case ENAMETOOLONG: return {absl::StatusCode::kInvalidArgument, "choose a shorter path"};
    case EIO:
      // What is damaged nobody knows yet: hashes tell, when it is read again.
      return {absl::StatusCode::kUnavailable, "check the disk (dmesg, smartctl) before going on"};
    default: return {absl::StatusCode::kUnavailable, "check the file system"};
  }
}

}  // namespace

absl::Status posix_status(int error, std::string_view what, const std::string& path) {
  const Advice advice = advice_for(error);
  return absl::Status(
      advice.code, absl::StrCat(absl::string_view(what.data(), what.size()), " ", path, ": ",
                                std::generic_category().message(error), "; ", advice.what_to_do));
}

}  // namespace weir::runtime
