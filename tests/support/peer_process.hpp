#pragma once

#include <coil/runtime/task.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace coil::test {

/// A folder that is removed with this object.
class scratch_folder {
public:
    scratch_folder();
    ~scratch_folder();
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    std::string path(const std::string& name) const { return (folder_ / name).string(); }
    /// Makes a file. @return its path.
    std::string write(const std::string& name, const std::string& content) const;
    /// "" for a file that is not there.
    std::string read(const std::string& name) const;

private:
    std::filesystem::path folder_;
};

/// A program that the test talks to. It ends with this object at the latest, by its process id.
class peer_process {
public:
    /// Starts `command`, whose program is looked for in PATH.
    /// @param folder  where its output goes; outlives this object.
    /// Throws: `std::system_error` if there is no such program.
    peer_process(const std::vector<std::string>& command, const scratch_folder& folder);
    ~peer_process();
    peer_process(const peer_process&) = delete;
    peer_process& operator=(const peer_process&) = delete;

    pid_t id() const noexcept { return id_; }
    /// What it has written so far.
    std::string output() const { return folder_.read(name_ + ".out"); }
    std::string errors() const { return folder_.read(name_ + ".err"); }

    /// Writes `text` to its standard input. @return whether it took all of it.
    task<bool> feed(std::string_view text);
    /// Ends its standard input.
    void end_input() noexcept;

    /// Waits until it listens on `port` of this host. @return whether it does.
    task<bool> listens(std::uint16_t port);
    /// Waits until its output holds `text`. @return whether it does.
    task<bool> says(std::string text);
    /// Waits until it ends. @return its exit code, 128 and the signal, or none if it goes on after `limit`.
    task<std::optional<int>> exited(std::chrono::seconds limit = std::chrono::seconds(15));
    void signal(int number) const noexcept;

private:
    bool has_ended() noexcept;

    const scratch_folder& folder_;
    std::string name_;
    pid_t id_ = -1;
    int input_ = -1;
    std::optional<int> exit_code_;
};

/// A port of this host that was free a moment ago, for a program that cannot pick its own.
std::uint16_t free_port();

/// The program of Node 20 or newer that tests compare with. Throws where none is known.
std::string node_program();

}  // namespace coil::test
