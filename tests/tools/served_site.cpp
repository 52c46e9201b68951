#include "tests/tools/served_site.hpp"

#include <filesystem>
#include <random>

namespace coil::test {

std::string random_bytes(std::size_t size)
{
    std::mt19937_64 random(1);
    std::string text(size, '\0');
    for (char& each : text)
        each = static_cast<char>(random());
    return text;
}

site::site()
{
    folder.write("secret.txt", "secret\n");
    folder.write("www/index.html", "<p>home\n");
    folder.write("www/ten.txt", "0123456789");
    folder.write("www/empty", "");
    folder.write("www/kib", random_bytes(1024));
    folder.write("www/big", big);
    folder.write("www/with index/index.html", "<p>inner\n");
    folder.write("www/without/a.json", "{}");
    std::filesystem::create_symlink("ten.txt", folder.path("www/inner_link"));
    std::filesystem::create_symlink("../secret.txt", folder.path("www/outer_link"));
    std::filesystem::create_symlink("/etc/hostname", folder.path("www/absolute_link"));
    std::filesystem::create_symlink("..", folder.path("www/parent"));
    std::filesystem::create_symlink("loop", folder.path("www/loop"));
}

const site& shared_site()
{
    static const site made;
    return made;
}

std::vector<std::string> served::with_identity(std::vector<std::string> options) const
{
    options.insert(options.begin(), {"serve", "--cert", files.path("server.pem"), "--key", files.path("server.key")});
    options.push_back(www);
    return options;
}

finished_process served::curl(std::vector<std::string> options) const
{
    options.insert(options.begin(),
                   {"curl", "-sS", "--max-time", "60", "--path-as-is", "--cacert", files.path("root.pem")});
    return run(options);
}

std::string served::answer(const std::string& path, std::vector<std::string> options) const
{
    options.insert(options.end(), {"-i", server.url(path)});
    return curl(options).output;
}

std::string served::raw(const std::string& bytes, std::vector<std::string> options) const
{
    options.insert(options.begin(), {"openssl", "s_client", "-quiet", "-nocommands", "-connect", server.address(),
                                     "-CAfile", files.path("root.pem"), "-verify_return_error"});
    return run(options, bytes).output;
}

std::string status_of(const std::string& answer)
{
    return answer.starts_with("HTTP/1.1 ") ? answer.substr(9, 3) : "none: " + answer.substr(0, 40);
}

std::string body_of(const std::string& answer)
{
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "no body" : answer.substr(end + 4);
}

std::string field(const std::string& answer, const std::string& name)
{
    const std::size_t begin = answer.find("\r\n" + name + ": ");
    if (begin == std::string::npos || begin > answer.find("\r\n\r\n"))
        return "";
    const std::size_t value = begin + name.size() + 4;
    return answer.substr(value, answer.find("\r\n", value) - value);
}

}  // namespace coil::test
