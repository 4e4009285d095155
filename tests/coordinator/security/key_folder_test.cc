#include "security/key_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "security/listen_address.h"
#include "support/temp_dir.h"

namespace weir::coordinator {
namespace {

namespace fs = std::filesystem;

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

fs::perms mode_of(const std::string& path) { return fs::status(path).permissions(); }

class KeyFolder : public ::testing::Test {
 protected:
  KeyFolder() { EXPECT_TRUE(make_cluster_keys(dir_).ok()); }
  std::string message_of_reading() const { return std::string(read_keys(dir_).status().message()); }

  tests::TempDir temp_;
  const std::string dir_ = temp_ / "etc/keys";
};

TEST_F(KeyFolder, OnlyItsOwnerSeesWhatItHolds) {
  const absl::StatusOr<std::string> client = make_client_keys(dir_, "ann");
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(*client, dir_ + "/clients/ann");
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(dir_)) {
    const fs::perms wanted = entry.is_directory() ? fs::perms::owner_all
                                                  : fs::perms::owner_read | fs::perms::owner_write;
    EXPECT_EQ(mode_of(entry.path()), wanted) << entry.path();
    files += entry.is_directory() ? 0 : 1;
  }
  EXPECT_EQ(files, 7);  // LOCK and allowed, too
  EXPECT_EQ(mode_of(dir_), fs::perms::owner_all);
}

TEST_F(KeyFolder, IsNeverOverwritten) {
  const std::string before = text_of(dir_ + "/cluster.secret");
  const absl::Status again = make_cluster_keys(dir_);
  EXPECT_TRUE(absl::IsAlreadyExists(again)) << again;
  ASSERT_TRUE(make_client_keys(dir_, "ann").ok());
  const std::string key = text_of(dir_ + "/clients/ann/client.secret");
  EXPECT_TRUE(absl::IsAlreadyExists(make_client_keys(dir_, "ann").status()));
  EXPECT_TRUE(absl::IsAlreadyExists(make_cluster_keys(dir_ + "/clients/ann")));
  EXPECT_EQ(text_of(dir_ + "/cluster.secret"), before);
  EXPECT_EQ(text_of(dir_ + "/clients/ann/client.secret"), key);
}

TEST_F(KeyFolder, MakesMembersAndClients) {
  ASSERT_TRUE(make_client_keys(dir_, "ann").ok());
  ASSERT_TRUE(make_client_keys(dir_, "bob").ok());
  const auto member = read_keys(dir_);
  ASSERT_TRUE(member.ok()) << member.status();
  EXPECT_TRUE(member->is_member());
  for (const char* name : {"ann", "bob"}) {
    const auto client = read_keys(dir_ + "/clients/" + name);
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_FALSE(client->is_member());
    EXPECT_EQ(client->cluster_public_key, member->cluster_public_key);
    EXPECT_EQ(member->client_of(client->own.public_key), name);
  }
  EXPECT_EQ(member->client_of(member->own.public_key), "");
}

TEST_F(KeyFolder, ClientNamesNeverBecomePaths) {
  for (const char* name : {"", ".", "..", "../ann", "a/b", "/etc", "-x", ".x", "a\nb", "a b"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(make_client_keys(dir_, name).status())) << name;
  }
  EXPECT_FALSE(fs::exists(dir_ + "/clients"));
}

TEST_F(KeyFolder, WhoIsTakenOffTheListIsUnknownFromThenOn) {
  ASSERT_TRUE(make_client_keys(dir_, "ann").ok());
  const auto member = read_keys(dir_);
  const auto client = read_keys(dir_ + "/clients/ann");
  ASSERT_TRUE(member.ok() && client.ok());
  const std::string& key = client->own.public_key;
  EXPECT_EQ(member->client_of(key), "ann");
  std::ofstream(dir_ + "/allowed") << "# nobody\n\n";
  EXPECT_EQ(member->client_of(key), "");
  std::ofstream(dir_ + "/allowed") << "# back\nann " << key << "\n";
  EXPECT_EQ(member->client_of(key), "ann");
  std::ofstream(dir_ + "/allowed") << "ann " << key << "\nbob what is this\n";
  EXPECT_EQ(member->client_of(key), "") << "a bad list lets nobody in";
  EXPECT_NE(message_of_reading().find("allowed:2: give NAME KEY"), std::string::npos);
  fs::remove(dir_ + "/allowed");
  EXPECT_EQ(member->client_of(key), "");
}

TEST_F(KeyFolder, SaysWhatIsWrongWithIt) {
  const std::string secret_path = dir_ + "/cluster.secret";
  fs::permissions(secret_path, fs::perms::group_read, fs::perm_options::add);
  EXPECT_NE(message_of_reading().find("chmod 600 " + secret_path), std::string::npos);
  fs::permissions(secret_path, fs::perms::group_read, fs::perm_options::remove);
  const std::string public_key = text_of(dir_ + "/cluster.public");
  std::ofstream(dir_ + "/cluster.public") << runtime::make_key_pair()->public_key << "\n";
  EXPECT_NE(message_of_reading().find("do not belong together"), std::string::npos);
  std::ofstream(dir_ + "/cluster.public") << public_key.substr(0, 20);
  EXPECT_NE(message_of_reading().find("cluster.public holds no key"), std::string::npos);
  EXPECT_TRUE(absl::IsNotFound(read_keys(temp_ / "nowhere").status()));
  EXPECT_TRUE(absl::IsNotFound(make_client_keys(temp_ / "nowhere", "ann").status()));
}

TEST_F(KeyFolder, DaemonsNeedTheClustersKeys) {
  ASSERT_TRUE(make_client_keys(dir_, "ann").ok());
  EXPECT_TRUE(open_transport("")->check_member("a supervisor").ok());
  EXPECT_TRUE(open_transport(dir_)->check_member("a supervisor").ok());
  const absl::Status refused = open_transport(dir_ + "/clients/ann")->check_member("a supervisor");
  EXPECT_NE(std::string(refused.message()).find("copy cluster.public and cluster.secret"),
            std::string::npos)
      << refused;
}

TEST(ListenAddress, BeyondLoopbackTakesKeys) {
  for (const char* address : {"127.0.0.1", "127.1.2.3"}) {
    EXPECT_TRUE(check_listen_address("k", address, false).ok()) << address;
  }
  for (const char* address : {"0.0.0.0", "10.0.0.1", "128.0.0.1"}) {
    EXPECT_NE(std::string(check_listen_address("k", address, false).message())
                  .find("there are no keys yet"),
              std::string::npos)
        << address;
    EXPECT_TRUE(check_listen_address("k", address, true).ok()) << address;
  }
  for (const char* none : {"", "*", "localhost", "127.evil.example", "127.1", "::1", "eth0",
                           "10.0.0.1:5", "10.0.0.1 "}) {
    EXPECT_TRUE(absl::IsInvalidArgument(check_listen_address("k", none, true))) << none;
  }
  EXPECT_TRUE(absl::IsInvalidArgument(check_told_address("k", "0.0.0.0", true)));
  EXPECT_TRUE(check_told_address("k", "10.0.0.1", true).ok());
}

}  // namespace
}  // namespace weir::coordinator
