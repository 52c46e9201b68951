#include <coil/runtime/internal/simulation/simulated_network.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <linux/tcp.h>
#include <netinet/in.h>

namespace coil::internal {
namespace {

constexpr std::uint16_t first_own_port = 32768;
constexpr std::uint16_t own_ports = 28000;

}  // namespace

simulated_network::~simulated_network()
{
    closing_ = true;  // nobody is left who could be told
    open_.clear();
}

int simulated_network::socket(int family)
{
    if (family != AF_INET && family != AF_INET6 && family != AF_UNIX)
        return -EAFNOSUPPORT;
    return open(std::make_shared<simulated_socket>(*this, family));
}

int simulated_network::open(std::shared_ptr<simulated_socket> what)
{
    int number = next_number_;
    if (reuses_numbers_ && !closed_numbers_.empty() && world_.chance(0.7)) {
        number = closed_numbers_.back();
        closed_numbers_.pop_back();
    } else {
        ++next_number_;
    }
    numbers_.emplace(what.get(), number);
    open_.emplace(number, std::move(what));
    world_.open_descriptors = open_.size();
    return number;
}

std::shared_ptr<simulated_socket> simulated_network::find(int fd, const char* purpose) const
{
    const auto found = open_.find(fd);
    if (found != open_.end())
        return found->second;
    const char* what =
        fd >= first_number && fd < next_number_ ? " on a closed descriptor, " : " on an unknown descriptor, ";
    world_.stop_program(std::string(purpose) + what + std::to_string(fd));
}

void simulated_network::close(int fd)
{
    world_.note("close", {fd});
    const std::shared_ptr<simulated_socket> last = find(fd, "close");
    if (told_of_close_)
        told_of_close_(fd);
    numbers_.erase(last.get());
    open_.erase(fd);
    closed_numbers_.push_back(fd);
    world_.open_descriptors = open_.size();
}

int simulated_network::number_of(const simulated_socket& which) const noexcept
{
    const auto found = numbers_.find(&which);
    return found == numbers_.end() ? -1 : found->second;
}

std::unique_ptr<bell> simulated_network::make_bell()
{
    const int number = next_number_++;
    auto shared = std::make_shared<simulated_bell::state>();
    bells_.emplace(number, shared);
    return std::make_unique<simulated_bell>(number, std::move(shared));
}

std::shared_ptr<simulated_bell::state> simulated_network::find_bell(int fd) const noexcept
{
    const auto found = bells_.find(fd);
    return found == bells_.end() ? nullptr : found->second.lock();
}

path_identity simulated_network::identify_path(const std::string& path) const
{
    const auto found = paths_.find(path);
    return found == paths_.end() ? path_identity() : path_identity{.device = 1, .number = found->second};
}

int simulated_network::remove_path(const std::string& path)
{
    return paths_.erase(path) == 1 ? 0 : -ENOENT;
}

void simulated_network::changed(simulated_socket& which) const
{
    if (!closing_ && changed_)
        changed_(which);
}

/// @param to_listen  whether `by` wants to listen there; otherwise it only wants the address.
bool simulated_network::is_taken(const simulated_socket& by, const simulated_place& where, bool to_listen) const
{
    const auto has = [](const simulated_socket& which, int name) {
        const auto found = which.options_.find({SOL_SOCKET, name});
        return found != which.options_.end() && found->second.front() != std::byte(0);
    };
    const auto only_v6 = [](const simulated_socket& which) {
        const auto found = which.options_.find({IPPROTO_IPV6, IPV6_V6ONLY});
        return found != which.options_.end() && found->second.front() != std::byte(0);
    };
    return std::any_of(bound_.begin(), bound_.end(), [&](const simulated_socket* other) {
        if (other == &by || other->local_.is_unix || other->local_.port != where.port)
            return false;
        const bool same_family = other->family_ == by.family_;
        const bool reach = other->local_.same_host(where) ||
                           (other->local_.is_any() && (same_family || !only_v6(*other))) ||
                           (where.is_any() && (same_family || !only_v6(by)));
        if (!reach || (has(*other, SO_REUSEPORT) && has(by, SO_REUSEPORT)))
            return false;
        const bool listens = other->condition_ == simulated_socket::condition::listening;
        return listens || (!to_listen && !(has(*other, SO_REUSEADDR) && has(by, SO_REUSEADDR)));
    });
}

std::uint16_t simulated_network::free_port(const simulated_socket& by)
{
    simulated_place where = by.local_;
    do
        where.port = static_cast<std::uint16_t>(first_own_port + world_.below(own_ports));
    while (is_taken(by, where, true));
    return where.port;
}

std::shared_ptr<simulated_socket> simulated_network::find_listener(const simulated_place& where)
{
    std::vector<simulated_socket*> exact;
    std::vector<simulated_socket*> general;
    for (simulated_socket* each : bound_) {
        if (each->condition_ != simulated_socket::condition::listening || each->local_.is_unix != where.is_unix)
            continue;
        if (where.is_unix) {
            if (each->local_.path == where.path)
                exact.push_back(each);
            continue;
        }
        if (each->local_.port != where.port)
            continue;
        const auto only = each->options_.find({IPPROTO_IPV6, IPV6_V6ONLY});
        const bool both =
            each->family_ == AF_INET6 && (only == each->options_.end() || only->second.front() == std::byte(0));
        if (each->local_.same_host(where))
            exact.push_back(each);
        else if (each->local_.is_any() && (both || where.is_ipv4() == (each->family_ == AF_INET)))
            general.push_back(each);
    }
    const std::vector<simulated_socket*>& found = exact.empty() ? general : exact;
    if (found.empty())
        return nullptr;
    return found[world_.below(found.size())]->shared_from_this();
}

int simulated_socket::bind(const simulated_place& where)
{
    if (condition_ != condition::fresh || bound_)
        return -EINVAL;
    if (where.is_unix != (family_ == AF_UNIX))
        return -EAFNOSUPPORT;
    if (where.is_unix) {
        if (!home_.paths_.emplace(where.path, home_.next_path_++).second)
            return -EADDRINUSE;
    } else if (where.port != 0 && home_.is_taken(*this, where, false)) {
        return -EADDRINUSE;
    }
    local_ = where;
    if (!where.is_unix && where.port == 0)
        local_.port = home_.free_port(*this);
    bound_ = true;
    home_.bound_.push_back(this);
    return 0;
}

int simulated_socket::listen(int backlog)
{
    if (condition_ == condition::fresh && !bound_) {
        simulated_place any;
        any.is_unix = family_ == AF_UNIX;
        if (const int outcome = bind(any); outcome < 0)
            return outcome;
    }
    if (condition_ != condition::fresh && condition_ != condition::listening)
        return -EINVAL;
    if (condition_ == condition::fresh && !local_.is_unix && home_.is_taken(*this, local_, true))
        return -EADDRINUSE;
    backlog_ = static_cast<std::size_t>(std::max(backlog, 0));
    condition_ = condition::listening;
    return 0;
}

void simulated_socket::stop_listening()
{
    if (condition_ != condition::listening)
        return;
    condition_ = condition::fresh;
    for (const std::shared_ptr<simulated_socket>& each : waiting_)
        each->reset_on_close_ = true;
    waiting_.clear();
    home_.changed(*this);
}

std::optional<int> simulated_socket::accept()
{
    if (condition_ != condition::listening)
        return -EINVAL;
    if (waiting_.empty())
        return std::nullopt;
    if (home_.world_.chance(home_.world_.options.listener_failure)) {
        constexpr std::array failures{EINVAL, ENOTSOCK};
        return -failures[home_.world_.below(failures.size())];
    }
    if (home_.world_.chance(home_.world_.options.accept_failure)) {
        ++home_.world_.counts.failed_accepts;
        // ECANCELED: some kernels end an accept that completes many times so when their queue is full.
        constexpr std::array failures{EMFILE, ENFILE, ECONNABORTED, ENOMEM, ECANCELED};
        const int failure = failures[home_.world_.below(failures.size())];
        if (failure == ECONNABORTED) {
            const std::shared_ptr<simulated_socket> aborted = std::move(waiting_.front());
            waiting_.pop_front();
            aborted->reset_on_close_ = true;
        }
        return -failure;
    }
    return accept_now();
}

int simulated_socket::accept_now()
{
    if (waiting_.empty())
        return -EAGAIN;
    const int number = home_.open(std::move(waiting_.front()));
    waiting_.pop_front();
    return number;
}

int simulated_socket::local_address(sockaddr_storage& found, socklen_t& size) const noexcept
{
    local_.to_system(family_, found, size);
    return 0;
}

int simulated_socket::remote_address(sockaddr_storage& found, socklen_t& size) const noexcept
{
    if (condition_ != condition::connected)
        return -ENOTCONN;
    remote_.to_system(family_, found, size);
    return 0;
}

int simulated_socket::set_option(int level, int name, const void* value, socklen_t size)
{
    if (level != SOL_SOCKET && family_ == AF_UNIX)
        return -EOPNOTSUPP;
    if (size == 0)
        return -EINVAL;
    const auto* bytes = static_cast<const std::byte*>(value);
    options_[{level, name}].assign(bytes, bytes + size);
    if (level == SOL_SOCKET && name == SO_LINGER && size >= sizeof(linger)) {
        const auto* wanted = static_cast<const linger*>(value);
        reset_on_close_ = family_ != AF_UNIX && wanted->l_onoff != 0 && wanted->l_linger == 0;
    }
    return 0;
}

int simulated_socket::get_option(int level, int name, void* value, socklen_t& size)
{
    const auto answer = [&](int number) {
        if (size < sizeof number)
            return -EINVAL;
        *static_cast<int*>(value) = number;
        size = sizeof number;
        return 0;
    };
    if (level == SOL_SOCKET && name == SO_TYPE)
        return answer(SOCK_STREAM);
    if (level == SOL_SOCKET && name == SO_ERROR)
        return answer(std::exchange(error_, 0));
    if (level == SOL_SOCKET && name == SO_DOMAIN)
        return answer(family_);
    if (level == SOL_SOCKET && name == SO_ACCEPTCONN)
        return answer(condition_ == condition::listening);
    if (level == IPPROTO_TCP && name == TCP_INFO) {
        tcp_info info{};
        info.tcpi_bytes_acked = delivered_;
        size = std::min(size, static_cast<socklen_t>(sizeof info));
        std::memcpy(value, &info, size);
        return 0;
    }
    const auto found = options_.find({level, name});
    if (found == options_.end())
        return answer(0);
    size = std::min(size, static_cast<socklen_t>(found->second.size()));
    std::copy_n(found->second.begin(), size, static_cast<std::byte*>(value));
    return 0;
}

std::string simulated_socket::describe() const
{
    switch (condition_) {
    case condition::fresh: return "a socket that is not connected";
    case condition::listening:
        return "a socket that listens on " + local_.to_string() + ", " + std::to_string(waiting_.size()) + " waiting";
    case condition::connecting: return "a socket that is being connected to " + remote_.to_string();
    case condition::connected:
    case condition::broken: break;
    }
    std::string text =
        local_.to_string() + " -> " + remote_.to_string() + (condition_ == condition::broken ? ", broken" : "");
    text += ", " + std::to_string(inbox_.size() - inbox_begin_) + " bytes unread, " + std::to_string(incoming_bytes_) +
            " coming";
    text += end_received_ ? ", ended by the peer" : "";
    return text + (end_sent_ ? ", ended" : "");
}

}  // namespace coil::internal
