#pragma once

#include <string>
#include <vector>

namespace coil::test {

/// What `getaddrinfo` answers for one host name, as long as this lives. The program's other names are the system's.
class host_name {
public:
    /// The addresses, in text, in their order.
    host_name(std::string name, std::vector<std::string> addresses);
    /// A failure. @param code    what the call returns, such as EAI_AGAIN.
    ///            @param number  what it leaves in errno.
    host_name(std::string name, int code, int number = 0);
    host_name(const host_name&) = delete;
    host_name& operator=(const host_name&) = delete;
    ~host_name();

private:
    std::string name_;
};

}  // namespace coil::test
