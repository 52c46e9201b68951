#include <coil/tls/internal/answering.hpp>

#include <coil/runtime/internal/background.hpp>
#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/internal/connection.hpp>

#include <utility>

namespace coil::tls::internal {
namespace {

/// Keeps a handler's coroutine until the loop's next pass, in which it does not run.
class last_pass final : public coil::internal::background, private coil::internal::ready_item {
public:
    explicit last_pass(std::shared_ptr<answering> of) noexcept : of_(std::move(of))
    {
        loop::current().keep(*this);
        loop::current().enqueue(*this);
    }

    bool busy() const noexcept override { return false; }

private:
    void run() noexcept override { delete this; }

    std::shared_ptr<answering> of_;
};

task<sni_answer> ask(const question_handlers& whom, client_hello hello)
{
    const std::string name = hello.servername;
    if (name.empty())
        co_return std::nullopt;
    if (!whom.sni_callback)
        co_return whom.names->find(name);
    auto asking = whom.sni_callback(name, std::move(hello));
    sni_answer answer = co_await asking;
    co_return answer;
}

task<alpn_answer> ask(const question_handlers& whom, alpn_request request)
{
    return whom.alpn_callback(std::move(request));
}

task<std::optional<identity_error>> ask(const question_handlers& whom, server_identity_request request)
{
    return whom.check_server_identity(std::move(request.host), std::move(request.cert));
}

task<verdict> ask(const question_handlers& whom, peer_verification found)
{
    return whom.verify_peer(std::move(found));
}

}  // namespace

question_set question_handlers::questions() const noexcept
{
    question_set set;
    set.alpn = static_cast<bool>(alpn_callback);
    set.client_hello = static_cast<bool>(sni_callback) || (names && !names->empty());
    set.peer_verification = static_cast<bool>(verify_peer);
    set.server_identity = static_cast<bool>(check_server_identity);
    return set;
}

std::shared_ptr<answering> answering::begin(connection& home, std::shared_ptr<const question_handlers> handlers,
                                            tls::question asked)
{
    auto begun = std::make_shared<answering>(home);
    begun->frame_ = work(*begun, std::move(handlers), std::move(asked)).frame;
    loop::current().enqueue(*begun);
    return begun;
}

answering::~answering()
{
    if (!frame_)
        return;
    if (coil::internal::checks_misuse && !frame_.done()) {
        const coil::internal::coroutine_lineage* outermost = coil::internal::coroutine_lineage::running();
        while (outermost && outermost->parent())
            outermost = outermost->parent();
        if (outermost && outermost == &frame_.promise().lineage())
            coil::internal::stop_program("a TLS handler destroys the socket that it answers for");
    }
    frame_.destroy();
}

void answering::run() noexcept
{
    const std::shared_ptr<answering> alive = shared_from_this();  // the handler may let go of the connection
    frame_.resume();
}

void answering::left() noexcept
{
    if (home_)
        home_->answered();
}

void answering::forget_home() noexcept
{
    home_ = nullptr;
    unlink();
}

void answering::abandon() noexcept
{
    forget_home();
    new last_pass(shared_from_this());
}

tls::answer answering::take()
{
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    return std::move(answer_);
}

answering::coroutine answering::work(answering& self, std::shared_ptr<const question_handlers> handlers,
                                     tls::question asked)
{
    if (auto* const hello = std::get_if<client_hello>(&asked)) {
        auto asking = ask(*handlers, std::move(*hello));
        sni_answer answer = co_await asking;
        self.answer_ = std::move(answer);
    } else if (auto* const protocols = std::get_if<alpn_request>(&asked)) {
        auto asking = ask(*handlers, std::move(*protocols));
        alpn_answer answer = co_await asking;
        self.answer_ = std::move(answer);
    } else if (auto* const identity = std::get_if<server_identity_request>(&asked)) {
        auto asking = ask(*handlers, std::move(*identity));
        std::optional<identity_error> answer = co_await asking;
        self.answer_ = std::move(answer);
    } else if (auto* const found = std::get_if<peer_verification>(&asked)) {
        auto asking = ask(*handlers, std::move(*found));
        verdict answer = co_await asking;
        self.answer_ = std::move(answer);
    }
}

}  // namespace coil::tls::internal
