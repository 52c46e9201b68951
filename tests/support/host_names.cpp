#include "tests/support/host_names.hpp"

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include <dlfcn.h>
#include <netdb.h>

namespace coil::test {
namespace {

struct answer {
    std::vector<std::string> addresses;
    int code = 0;
    int number = 0;
};

/// Asked by the threads for blocking calls.
struct book {
    std::mutex mutex;
    std::map<std::string, answer, std::less<>> answers;

    static book& instance()
    {
        static book* const only = new book;
        return *only;
    }

    bool find(const char* name, answer& found)
    {
        const std::lock_guard lock(mutex);
        const auto known = name ? answers.find(name) : answers.end();
        if (known == answers.end())
            return false;
        found = known->second;
        return true;
    }
    void set(const std::string& name, answer what)
    {
        const std::lock_guard lock(mutex);
        answers[name] = std::move(what);
    }
    void forget(const std::string& name)
    {
        const std::lock_guard lock(mutex);
        answers.erase(name);
    }
};

using lookup_call = int (*)(const char*, const char*, const addrinfo*, addrinfo**);

lookup_call system_lookup()
{
    return reinterpret_cast<lookup_call>(::dlsym(RTLD_NEXT, "getaddrinfo"));
}

/// One list of the system's entries, which `freeaddrinfo` frees one by one.
int list_of(const std::vector<std::string>& addresses, const addrinfo& wanted, addrinfo** found)
{
    static const lookup_call system = system_lookup();
    addrinfo numeric = wanted;
    numeric.ai_flags |= AI_NUMERICHOST;
    addrinfo** end = found;
    *found = nullptr;
    for (const std::string& each : addresses)
        if (system(each.c_str(), nullptr, &numeric, end) == 0)  // those of the other family are left out
            while (*end)
                end = &(*end)->ai_next;
    return *found ? 0 : EAI_NONAME;
}

}  // namespace

host_name::host_name(std::string name, std::vector<std::string> addresses) : name_(std::move(name))
{
    book::instance().set(name_, {.addresses = std::move(addresses)});
}

host_name::host_name(std::string name, int code, int number) : name_(std::move(name))
{
    book::instance().set(name_, {.addresses = {}, .code = code, .number = number});
}

host_name::~host_name()
{
    book::instance().forget(name_);
}

}  // namespace coil::test

/// Takes the place of the C library's.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* wanted, addrinfo** found)
{
    static const coil::test::lookup_call system = coil::test::system_lookup();
    coil::test::answer known;
    if (!coil::test::book::instance().find(name, known))
        return system(name, service, wanted, found);
    if (known.code == 0)
        return coil::test::list_of(known.addresses, wanted ? *wanted : addrinfo{}, found);
    errno = known.number;
    return known.code;
}
