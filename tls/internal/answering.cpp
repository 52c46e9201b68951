#include <coil/tls/internal/answering.hpp>

#include <coil/runtime/internal/misuse.hpp>
#include <coil/runtime/loop.hpp>
#include <coil/tls/internal/connection.hpp>

#include <utility>
#include <variant>

namespace coil::tls::internal {
namespace {

template <class Answer>
task<any_answer> any(task<Answer> asking)
{
    Answer given = co_await asking;
    co_return any_answer(std::move(given));
}

task<any_answer> as_client_certificate(task<secure_context> asking)
{
    secure_context given = co_await asking;
    co_return any_answer(client_certificate(std::move(given)));
}

/// Whom to ask, by what is asked.
struct asking {
    const question_handlers* whom;  // null: only who comes with the question

    task<any_answer> operator()(client_hello& hello) const
    {
        if (whom->client_hello_callback)
            return any(whom->client_hello_callback(std::move(hello)));
        std::string name = hello.servername;
        return any(whom->sni_callback(std::move(name), std::move(hello)));
    }
    task<any_answer> operator()(alpn_request& request) const { return any(whom->alpn_callback(std::move(request))); }
    task<any_answer> operator()(server_identity_request& request) const
    {
        return any(whom->check_server_identity(std::move(request.host), std::move(request.cert)));
    }
    task<any_answer> operator()(peer_verification& found) const { return any(whom->verify_peer(std::move(found))); }
    task<any_answer> operator()(psk_request& request) const { return any(whom->psk_callback(std::move(request.hint))); }
    task<any_answer> operator()(psk_identity_request& request) const
    {
        return any(whom->psk_server_callback(std::move(request.identity), std::move(request.servername)));
    }
    task<any_answer> operator()(signature_request& request) const
    {
        const signer signing = request.signer;
        return any(signing(std::move(request)));
    }
    task<any_answer> operator()(certificate_status_request& request) const
    {
        return any(whom->on_ocsp_request(std::move(request.cert), std::move(request.issuer)));
    }
    task<any_answer> operator()(stapled_response& about) const
    {
        return any(whom->on_ocsp_response(std::move(about.response), std::move(about.cert), std::move(about.found)));
    }
    task<any_answer> operator()(client_certificate_request& request) const
    {
        return as_client_certificate(whom->client_certificate_callback(std::move(request)));
    }
    task<any_answer> operator()(std::monostate) const { coil::internal::stop_program("a handler is asked nothing"); }
};

}  // namespace

std::optional<sni_answer> question_handlers::look_up(const tls::question& asked) const
{
    const auto* const hello = std::get_if<client_hello>(&asked);
    if (!hello || client_hello_callback || (sni_callback && !hello->servername.empty()))
        return std::nullopt;
    if (sni_callback || !names || hello->servername.empty())
        return sni_answer();
    return names->find(hello->servername);
}

question_set question_handlers::questions() const noexcept
{
    question_set set;
    set.alpn = static_cast<bool>(alpn_callback);
    set.certificate_status = static_cast<bool>(on_ocsp_request);
    set.client_certificate = static_cast<bool>(client_certificate_callback);
    set.client_hello = client_hello_callback || sni_callback || names;
    set.peer_verification = static_cast<bool>(verify_peer);
    set.psk = psk_callback || psk_server_callback;
    set.server_identity = static_cast<bool>(check_server_identity);
    set.stapled_response = static_cast<bool>(on_ocsp_response);
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
    if (abandoned_) {
        home_->let_go_of_answer();
        return;
    }
    const std::shared_ptr<answering> alive = shared_from_this();  // the handler may let go of the connection
    frame_.resume();
}

void answering::left() noexcept
{
    if (home_ && !abandoned_)
        home_->answered();
}

void answering::forget_home() noexcept
{
    home_ = nullptr;
    unlink();
}

void answering::abandon() noexcept
{
    if (std::exchange(abandoned_, true))
        return;
    unlink();  // it may not have begun
    if (loop* const here = loop::current_or_null())
        here->enqueue(*this);
    else
        home_->let_go_of_answer();  // without a loop nothing runs
}

any_answer answering::take()
{
    if (thrown_)
        std::rethrow_exception(std::exchange(thrown_, nullptr));
    return std::move(answer_);
}

answering::coroutine answering::work(answering& self, std::shared_ptr<const question_handlers> handlers,
                                     tls::question asked)
{
    task<any_answer> working = std::visit(asking{handlers.get()}, asked);
    any_answer given = co_await working;
    self.answer_ = std::move(given);
}

}  // namespace coil::tls::internal
