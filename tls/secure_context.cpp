#include <coil/tls/secure_context.hpp>

#include <coil/tls/internal/context_builder.hpp>
#include <coil/tls/internal/context_cache.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace coil::tls {
namespace {

[[noreturn]] void throw_unreadable(const std::filesystem::path& path, int number)
{
    error_info info;
    info.error = {number, std::system_category()};
    info.code = error_name(info.error);
    info.message = "cannot read " + path.string() + ": " + info.error.message();
    throw error(std::move(info));
}

struct file_close {
    void operator()(std::FILE* stream) const noexcept { std::fclose(stream); }
};

std::string read_file(const std::filesystem::path& path)
{
    const std::unique_ptr<std::FILE, file_close> stream(std::fopen(path.c_str(), "rbe"));
    if (!stream)
        throw_unreadable(path, errno);
    std::string text;
    char block[16 * 1024];
    errno = 0;
    while (const std::size_t size = std::fread(block, 1, sizeof(block), stream.get()))
        text.append(block, size);
    if (std::ferror(stream.get()))
        throw_unreadable(path, errno ? errno : EIO);
    return text;
}

}  // namespace

pem::pem(std::string_view text)
{
    if (!text.empty())
        texts_.emplace_back(text);
}

pem::pem(std::span<const std::byte> bytes)
    : pem(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()))
{
}

pem::pem(std::initializer_list<pem> texts)
{
    for (const pem& part : texts) {
        texts_.insert(texts_.end(), part.texts_.begin(), part.texts_.end());
        if (part.source_.empty())
            continue;
        source_ += (source_.empty() ? "" : ", ") + part.source_;
    }
}

pem file(const std::filesystem::path& path)
{
    pem contents(read_file(path));
    if (contents.empty())
        throw error("ERR_OSSL_PEM_NO_START_LINE", path.string() + " is empty");
    contents.source_ = path.string();
    return contents;
}

key_list::key_list(std::initializer_list<key_entry> keys)
{
    for (const key_entry& entry : keys)
        if (!entry.pem.empty() || entry.signer)
            entries_.push_back(entry);
}

void key_list::add(pem key)
{
    if (!key.empty())
        entries_.push_back({.pem = std::move(key)});
}

secure_context::secure_context(const secure_context_options& options)
    : secure_context(internal::shared_context(options))
{
}

secure_context create_secure_context(const secure_context_options& options)
{
    return internal::context_state::make_handle(internal::build_context(options));
}

}  // namespace coil::tls
