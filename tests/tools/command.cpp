#include "tests/tools/command.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include <unistd.h>

namespace coil::test {

std::string coil_command()
{
    const char* path = std::getenv("COIL_COMMAND");
    return std::filesystem::absolute(path ? path : "tools/coil/coil").string();
}

temporary_folder::temporary_folder()
{
    std::string pattern = (std::filesystem::temp_directory_path() / "coil-test-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
        throw std::runtime_error("mkdtemp " + pattern);
    path_ = pattern;
}

temporary_folder::~temporary_folder()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void temporary_folder::write(std::string_view name, std::string_view contents) const
{
    const std::filesystem::path where = path_ / name;
    std::filesystem::create_directories(where.parent_path());
    std::ofstream(where, std::ios::binary) << contents;
}

std::string read_file(const std::string& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

running_server::running_server(std::vector<std::string> arguments)
{
    const std::string port_file = folder_.path("port");
    arguments.insert(arguments.begin(), coil_command());
    arguments.insert(arguments.begin() + 2, {"--port", "0", "--port-file", port_file});
    process_ = std::make_unique<process>(std::move(arguments));
    for (int i = 0; i < 1000 && !std::filesystem::exists(port_file); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    port_ = read_file(port_file);
    if (port_.empty())
        throw std::runtime_error("the server does not listen: " + stop(9).errors);
    port_.pop_back();  // the line end
}

finished_process running_server::stop(int signal)
{
    process_->send_signal(signal);
    return process_->wait(std::chrono::seconds(20));
}

}  // namespace coil::test
