#include "security/key_folder.h"

#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "safe_name.h"
#include "weir/runtime/storage.h"

namespace weir::coordinator {
namespace {

using runtime::KeyPair;
using runtime::Storage;

// Only its owner sees what the folder holds, if it is new or was empty.
absl::Status make_folder(const std::string& dir) {
  const absl::Status made = runtime::local_storage().make_dirs(dir);
  if (!made.ok()) return made;
  std::error_code error;
  if (std::filesystem::is_empty(dir, error)) {
    std::filesystem::permissions(dir, std::filesystem::perms::owner_all, error);
  }
  return absl::OkStatus();
}

absl::Status write_file(const std::string& path, const std::string& text) {
  return runtime::write_synced(runtime::local_storage(), path, text);
}

absl::Status write_pair(const std::string& dir, const std::string& name, const KeyPair& pair) {
  absl::Status status = write_file(absl::StrCat(dir, "/", name, ".secret"), pair.secret_key + "\n");
  if (status.ok()) {
    status = write_file(absl::StrCat(dir, "/", name, ".public"), pair.public_key + "\n");
  }
  return status.ok() ? runtime::local_storage().sync_dir(dir) : status;
}

bool is_there(const std::string& path) { return runtime::local_storage().exists(path); }

absl::StatusOr<std::string> read_key(const std::string& path) {
  absl::StatusOr<std::string> text = runtime::local_storage().read(path);
  if (!text.ok()) return text.status();
  std::string key(absl::StripSuffix(*text, "\n"));
  if (runtime::is_key(key)) return key;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " holds no key; copy it again from where weir keys made it"));
}

// A secret that others could read is none any more.
absl::Status check_private(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot look at ", path));
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, " can be read by others than its owner\n  chmod 600 ", path));
}

absl::StatusOr<KeyPair> read_pair(const std::string& dir, const std::string& name) {
  const std::string secret_path = absl::StrCat(dir, "/", name, ".secret");
  const std::string public_path = absl::StrCat(dir, "/", name, ".public");
  const absl::Status is_private = check_private(secret_path);
  if (!is_private.ok()) return is_private;
  absl::StatusOr<std::string> secret_key = read_key(secret_path);
  if (!secret_key.ok()) return secret_key.status();
  absl::StatusOr<std::string> public_key = read_key(public_path);
  if (!public_key.ok()) return public_key.status();
  if (runtime::public_key_of(*secret_key) != *public_key) {
    return absl::FailedPreconditionError(absl::StrCat(
        secret_path, " and ", public_path, " do not belong together; copy both from one place"));
  }
  return KeyPair{*std::move(public_key), *std::move(secret_key)};
}

absl::Status add_to_list(const std::string& path, const std::string& line) {
  Storage& storage = runtime::local_storage();
  std::string text = "# Clients that the coordinator lets in: NAME KEY\n";
  if (is_there(path)) {
    absl::StatusOr<std::string> before = storage.read(path);
    if (!before.ok()) return before.status();
    text = *std::move(before);
    if (!text.empty() && text.back() != '\n') text += '\n';
  }
  const std::string next = path + ".new";
  if (is_there(next)) storage.remove(next).IgnoreError();  // of somebody who was interrupted
  absl::Status status = write_file(next, text + line + "\n");
  if (status.ok()) status = storage.rename(next, path);
  return status.ok() ? storage.sync_dir(path.substr(0, path.rfind('/'))) : status;
}

}  // namespace

absl::Status make_cluster_keys(const std::string& dir) {
  for (const char* name : {"cluster.secret", "cluster.public", "client.secret"}) {
    if (!is_there(absl::StrCat(dir, "/", name))) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        "there are keys in ", dir, " already, and they stay as they are\n",
        "  for another cluster give another folder: weir keys init --dir DIR\n",
        "  to replace them remove the folder first; every host and client needs new ones then"));
  }
  const absl::StatusOr<KeyPair> pair = runtime::make_key_pair();
  if (!pair.ok()) return pair.status();
  const absl::Status made = make_folder(dir);
  return made.ok() ? write_pair(dir, "cluster", *pair) : made;
}

absl::StatusOr<std::string> make_client_keys(const std::string& dir, const std::string& name) {
  if (!is_safe_name(name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name, "' cannot be a client's name: use letters, digits, '-', '_', '.'"));
  }
  if (!is_there(dir + "/cluster.secret")) {
    return absl::NotFoundError(absl::StrCat("there are no keys of a cluster in ", dir,
                                            "\n  make them with: weir keys init --dir ", dir));
  }
  const absl::StatusOr<KeyPair> cluster = read_pair(dir, "cluster");
  if (!cluster.ok()) return cluster.status();
  const absl::StatusOr<std::shared_ptr<void>> lock = runtime::local_storage().lock(dir + "/LOCK");
  if (!lock.ok()) return lock.status();
  const std::string folder = absl::StrCat(dir, "/clients/", name);
  if (is_there(folder)) {
    return absl::AlreadyExistsError(
        absl::StrCat(folder, " is there already\n  take the line of ", name, " out of ", dir,
                     "/allowed and remove the folder to give this client a new key"));
  }
  const absl::StatusOr<KeyPair> pair = runtime::make_key_pair();
  if (!pair.ok()) return pair.status();
  absl::Status status = make_folder(dir + "/clients");
  if (status.ok()) status = make_folder(folder);
  if (status.ok()) status = write_file(folder + "/cluster.public", cluster->public_key + "\n");
  if (status.ok()) status = write_pair(folder, "client", *pair);
  if (status.ok()) {
    status = add_to_list(dir + "/allowed", absl::StrCat(name, " ", pair->public_key));
  }
  if (!status.ok()) return status;
  return folder;
}

std::string AllowList::version() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) return "none";
  return absl::StrCat(status.st_ino, " ", status.st_size, " ", status.st_mtim.tv_sec, ".",
                      status.st_mtim.tv_nsec);
}

absl::Status AllowList::read() {
  names_.clear();
  read_version_ = version();
  if (read_version_ == "none") return absl::OkStatus();
  const absl::StatusOr<std::string> text = runtime::local_storage().read(path_);
  if (!text.ok()) return text.status();
  std::istringstream lines(*text);
  std::map<std::string, std::string> names;
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::string name, key, more;
    words >> name >> key >> more;
    if (name.empty() || name.front() == '#') continue;
    if (!is_safe_name(name) || !runtime::is_key(key) || !more.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, ":", number, ": give NAME KEY, as weir keys add writes it"));
    }
    names[key] = name;
  }
  names_ = std::move(names);
  return absl::OkStatus();
}

std::string AllowList::client_of(const std::string& public_key) {
  if (version() != read_version_) read().IgnoreError();  // a bad one lets nobody in
  const auto found = names_.find(public_key);
  return found == names_.end() ? "" : found->second;
}

absl::StatusOr<runtime::TransportKeys> read_keys(const std::string& dir) {
  const bool is_member = is_there(dir + "/cluster.secret");
  if (!is_member && !is_there(dir + "/client.secret")) {
    return absl::NotFoundError(absl::StrCat(
        "there are no keys in ", dir, "\n  make a cluster's with: weir keys init --dir ", dir,
        "\n  a client's come from the coordinator's host: weir keys add NAME"));
  }
  runtime::TransportKeys keys;
  absl::StatusOr<KeyPair> own = read_pair(dir, is_member ? "cluster" : "client");
  if (!own.ok()) return own.status();
  keys.own = *std::move(own);
  absl::StatusOr<std::string> cluster = read_key(dir + "/cluster.public");
  if (!cluster.ok()) return cluster.status();
  keys.cluster_public_key = *std::move(cluster);
  if (is_member) {
    const auto list = std::make_shared<AllowList>(dir + "/allowed");
    const absl::Status status = list->read();
    if (!status.ok()) return status;
    keys.client_of = [list](const std::string& key) { return list->client_of(key); };
  }
  return keys;
}

absl::Status ClusterTransport::check_member(const std::string& role) const {
  if (keys.empty() || is_member) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the keys in ", keys, " are a client's, and ", role, " needs the cluster's: copy ",
      "cluster.public and cluster.secret from where weir keys init has made them"));
}

std::string keys_in_words(const ClusterTransport& transport) {
  return transport.keys.empty() ? ", no keys: loopback only" : ", keys " + transport.keys;
}

absl::StatusOr<ClusterTransport> open_transport(const std::string& dir) {
  ClusterTransport out;
  if (dir.empty()) return out;
  absl::StatusOr<runtime::TransportKeys> keys = read_keys(dir);
  if (!keys.ok()) return keys.status();
  out.keys = dir;
  out.is_member = keys->is_member();
  out.with_keys = runtime::make_zmq_transport(*std::move(keys));
  return out;
}

}  // namespace weir::coordinator
