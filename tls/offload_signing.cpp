#include <coil/tls/offload_signing.hpp>

#include <coil/runtime/offload.hpp>
#include <coil/runtime/task.hpp>
#include <coil/tls/private_key.hpp>

#include <utility>

namespace coil::tls {
namespace {

task<signature> sign_elsewhere(private_key key, signature_request request)
{
    auto signing = offload([key = std::move(key), request = std::move(request)] { return key.sign(request); });
    result<signature> made = co_await signing;
    co_return std::move(made).value();
}

}  // namespace

signer offload_signing(const pem& key, const std::optional<std::string>& passphrase)
{
    return [key = private_key(key, passphrase)](signature_request request) {
        return sign_elsewhere(key, std::move(request));
    };
}

}  // namespace coil::tls
