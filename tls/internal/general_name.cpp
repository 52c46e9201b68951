#include <coil/tls/internal/general_name.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace coil::tls::internal {
namespace {

enum class encoding { latin1, utf8 };

bool is_control(unsigned char c) noexcept
{
    return c < 0x20 || c == 0x7f;
}

bool is_safe(std::string_view value, encoding of)
{
    return std::all_of(value.begin(), value.end(), [of](char byte) {
        const auto c = static_cast<unsigned char>(byte);
        const bool ambiguous = c == '"' || c == '\\' || c == ',' || c == '\'';
        return !ambiguous && !is_control(c) && (c < 0x80 || of == encoding::utf8);
    });
}

std::string quoted(std::string_view value, encoding of)
{
    constexpr std::string_view hex = "0123456789abcdef";
    std::string text;
    for (const char byte : value) {
        const auto c = static_cast<unsigned char>(byte);
        if (c == '\\' || c == '"') {
            text += '\\';
            text += byte;
        } else if (!is_control(c) && c != ',' && (c < 0x80 || of == encoding::utf8)) {
            text += byte;
        } else {
            text += "\\u00";
            text += hex[c >> 4];
            text += hex[c & 15];
        }
    }
    return text;
}

/// @param inner  a prefix that belongs to the value: it moves inside the quotes.
general_name make_name(std::string_view kind, std::string_view inner, std::string_view value, encoding of)
{
    general_name name{.kind = std::string(kind), .value = std::string(inner) + std::string(value), .text = {}};
    name.text = name.kind + ":";
    if (is_safe(value, of))
        name.text += name.value;
    else
        name.text += "\"" + std::string(inner) + quoted(value, of) + "\"";
    return name;
}

std::string_view view(const ASN1_STRING* string)
{
    return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
            static_cast<std::size_t>(ASN1_STRING_length(string))};
}

general_name unsupported(std::string_view kind)
{
    return make_name(kind, "", "<unsupported>", encoding::latin1);
}

general_name describe_other(const OTHERNAME& name)
{
    struct kind {
        int nid;
        std::string_view prefix;
        encoding of;
    };
    static constexpr std::array kinds{
        kind{NID_id_on_SmtpUTF8Mailbox, "SmtpUTF8Mailbox:", encoding::utf8},
        kind{NID_XmppAddr, "XmppAddr:", encoding::utf8},
        kind{NID_SRVName, "SRVName:", encoding::latin1},
        kind{NID_ms_upn, "UPN:", encoding::utf8},
        kind{NID_NAIRealm, "NAIRealm:", encoding::utf8},
    };
    const int nid = OBJ_obj2nid(name.type_id);
    for (const kind& known : kinds) {
        const int type = known.of == encoding::utf8 ? V_ASN1_UTF8STRING : V_ASN1_IA5STRING;
        if (known.nid == nid && name.value->type == type)
            return make_name("othername", known.prefix, view(name.value->value.asn1_string), known.of);
    }
    return unsupported("othername");
}

std::optional<general_name> describe_directory(const X509_NAME* name)
{
    const bio_ptr out(BIO_new(BIO_s_mem()));
    const unsigned long flags = XN_FLAG_RFC2253 & ~(ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_ESC_CTRL);
    if (!out || X509_NAME_print_ex(out.get(), name, 0, flags) < 0)
        return std::nullopt;
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    return make_name("DirName", "", {data, static_cast<std::size_t>(size)}, encoding::utf8);
}

std::string address_text(std::string_view bytes)
{
    const auto at = [bytes](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
    std::array<char, 64> text{};
    if (bytes.size() == 4) {
        std::snprintf(text.data(), text.size(), "%u.%u.%u.%u", at(0), at(1), at(2), at(3));
    } else if (bytes.size() == 16) {
        std::string groups;
        for (std::size_t i = 0; i < 16; i += 2) {
            std::snprintf(text.data(), text.size(), i ? ":%X" : "%X", at(i) << 8 | at(i + 1));
            groups += text.data();
        }
        return groups;
    } else {
        std::snprintf(text.data(), text.size(), "<invalid length=%zu>", bytes.size());
    }
    return text.data();
}

}  // namespace

std::optional<general_name> describe(const GENERAL_NAME& name)
{
    switch (name.type) {
    case GEN_OTHERNAME: return describe_other(*name.d.otherName);
    case GEN_X400: return unsupported("X400Name");
    case GEN_EDIPARTY: return unsupported("EdiPartyName");
    case GEN_EMAIL: return make_name("email", "", view(name.d.rfc822Name), encoding::latin1);
    case GEN_DNS: return make_name("DNS", "", view(name.d.dNSName), encoding::latin1);
    case GEN_URI: return make_name("URI", "", view(name.d.uniformResourceIdentifier), encoding::latin1);
    case GEN_DIRNAME: return describe_directory(name.d.directoryName);
    case GEN_IPADD: return make_name("IP Address", "", address_text(view(name.d.iPAddress)), encoding::latin1);
    case GEN_RID: {
        std::array<char, 256> text{};
        OBJ_obj2txt(text.data(), static_cast<int>(text.size()), name.d.rid, 1);
        return make_name("Registered ID", "", text.data(), encoding::latin1);
    }
    default: return std::nullopt;
    }
}

}  // namespace coil::tls::internal
