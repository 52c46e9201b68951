#include "tools/coil/content_type.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace coil::command {
namespace {

using entry = std::pair<std::string_view, std::string_view>;

constexpr std::array types{
    entry("avif", "image/avif"),
    entry("bmp", "image/bmp"),
    entry("c", "text/plain; charset=utf-8"),
    entry("cpp", "text/plain; charset=utf-8"),
    entry("css", "text/css; charset=utf-8"),
    entry("csv", "text/csv; charset=utf-8"),
    entry("gif", "image/gif"),
    entry("gz", "application/gzip"),
    entry("hpp", "text/plain; charset=utf-8"),
    entry("htm", "text/html; charset=utf-8"),
    entry("html", "text/html; charset=utf-8"),
    entry("ico", "image/vnd.microsoft.icon"),
    entry("jpeg", "image/jpeg"),
    entry("jpg", "image/jpeg"),
    entry("js", "text/javascript; charset=utf-8"),
    entry("json", "application/json"),
    entry("log", "text/plain; charset=utf-8"),
    entry("md", "text/markdown; charset=utf-8"),
    entry("mjs", "text/javascript; charset=utf-8"),
    entry("mp3", "audio/mpeg"),
    entry("mp4", "video/mp4"),
    entry("ogg", "audio/ogg"),
    entry("otf", "font/otf"),
    entry("pdf", "application/pdf"),
    entry("png", "image/png"),
    entry("svg", "image/svg+xml"),
    entry("tar", "application/x-tar"),
    entry("ttf", "font/ttf"),
    entry("txt", "text/plain; charset=utf-8"),
    entry("wasm", "application/wasm"),
    entry("webm", "video/webm"),
    entry("webp", "image/webp"),
    entry("woff", "font/woff"),
    entry("woff2", "font/woff2"),
    entry("xml", "application/xml"),
    entry("zip", "application/zip"),
};

}  // namespace

std::string_view content_type(std::string_view path)
{
    const std::size_t slash = path.rfind('/');
    const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
    const std::size_t dot = name.rfind('.');
    std::string ending(dot == name.npos ? std::string_view() : name.substr(dot + 1));
    std::ranges::transform(ending, ending.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const auto found = std::ranges::find(types, std::string_view(ending), &entry::first);
    return found == types.end() ? "application/octet-stream" : found->second;
}

}  // namespace coil::command
