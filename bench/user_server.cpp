#include "bench/user_server.hpp"

#include "bench/credentials.hpp"
#include "bench/failure.hpp"
#include "bench/served.hpp"

#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

std::string fill_in(std::string text, const server_settings& settings)
{
    std::vector<std::pair<std::string, std::string>> values{{"{certificate}", settings.certificate_file},
                                                            {"{key}", settings.key_file},
                                                            {"{threads}", std::to_string(settings.threads)},
                                                            {"{port}", std::to_string(settings.port)}};
    for (int i = 1; i < 4; ++i)
        values.emplace_back("{port+" + std::to_string(i) + "}", std::to_string(settings.port + i));
    for (const auto& [name, value] : values)
        for (std::size_t at = 0; (at = text.find(name, at)) != text.npos; at += value.size())
            text.replace(at, name.size(), value);
    return text;
}

}  // namespace

system make_user_server(std::string_view definition, std::optional<protocol_set> speaks)
{
    const std::size_t equals = definition.find('=');
    if (equals == 0 || equals == definition.npos || equals + 1 == definition.size())
        throw failure("not NAME=COMMAND: " + std::string(definition));
    system made;
    made.name = definition.substr(0, equals);
    const std::string line(definition.substr(equals + 1));
    made.description = line;
    made.command = [line](const server_settings& settings) {
        return std::vector<std::string>{"/bin/sh", "-c", fill_in(line, settings)};
    };
    made.speaks = speaks.value_or(protocol_set());
    if (!speaks)
        made.prepare = [](system& self, const std::function<void(const std::string&)>& tell) {
            tell("looking for its ports");
            self.speaks = find_spoken(self);
        };
    return made;
}

protocol_set parse_protocols(std::string_view names)
{
    protocol_set parsed;
    while (!names.empty()) {
        const std::string_view name = names.substr(0, names.find(','));
        const std::optional<protocol> one = find_protocol(name);
        if (!one)
            throw failure("there is no protocol \"" + std::string(name) + "\"");
        parsed.insert(*one);
        names.remove_prefix(std::min(name.size() + 1, names.size()));
    }
    if (parsed.empty())
        throw failure("no protocol is named");
    return parsed;
}

}  // namespace bench
