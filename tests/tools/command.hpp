#pragma once

#include "tests/tools/process.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coil::test {

/// The path of the coil command that was built for the test.
std::string coil_command();

/// A folder that is removed with this object.
class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    std::string path(std::string_view name) const { return (path_ / name).string(); }
    const std::filesystem::path& path() const noexcept { return path_; }
    /// Writes a file and the folders that lead to it.
    void write(std::string_view name, std::string_view contents) const;

private:
    std::filesystem::path path_;
};

std::string read_file(const std::string& path);

/// A running `coil serve` or `coil echo` on a port of 127.0.0.1.
class running_server {
public:
    /// @param arguments  the subcommand and its options; the port comes by itself.
    /// Throws: `std::runtime_error` with what the server said if it does not listen within ten seconds.
    explicit running_server(std::vector<std::string> arguments);

    const std::string& port() const noexcept { return port_; }
    std::string address() const { return "127.0.0.1:" + port_; }
    std::string url(std::string_view path) const { return "https://" + address() + std::string(path); }
    /// Ends it as a service manager would.
    finished_process stop(int signal);
    process& child() noexcept { return *process_; }

private:
    temporary_folder folder_;
    std::string port_;
    std::unique_ptr<process> process_;
};

}  // namespace coil::test
