#include <coil/tls/internal/context_state.hpp>

#include <cstdint>

namespace coil::tls::internal {

void context_state::set_session_ids(std::string_view session_id_context, const pem& ca, const pem& crl)
{
    for (std::size_t policy = 0; policy < session_ids_.size(); ++policy) {
        std::string text = std::to_string(policy) + ":" + std::to_string(session_id_context.size()) + ":";
        text += session_id_context;
        for (const pem* part : {&ca, &crl})
            for (const std::string& block : part->texts())
                text += ":" + block;
        std::size_t size = 0;
        if (EVP_Q_digest(nullptr, "SHA256", nullptr, text.data(), text.size(), session_ids_[policy].data(), &size) != 1)
            throw setup_error("session id context");
    }
}

}  // namespace coil::tls::internal
