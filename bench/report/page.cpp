#include "bench/report/page.hpp"

#include "bench/failure.hpp"
#include "bench/report/figures.hpp"
#include "bench/report/json.hpp"
#include "bench/report/tables.hpp"

#include <map>
#include <string_view>

namespace bench {

namespace page_files {
extern const std::string_view markup;
extern const std::string_view style;
extern const std::string_view script;
extern const std::string_view chart;
}  // namespace page_files

namespace {

/// Puts texts where the template says @name@. What is put in is not looked through again.
std::string fill(std::string_view markup, const std::map<std::string_view, std::string>& texts)
{
    std::string page;
    while (true) {
        const std::size_t begin = markup.find('@');
        if (begin == markup.npos)
            return page += markup;
        const std::size_t end = markup.find('@', begin + 1);
        const auto found = texts.find(markup.substr(begin + 1, end - begin - 1));
        if (end == markup.npos || found == texts.end())
            throw failure("the template of the page names something that it cannot have");
        page += markup.substr(0, begin);
        page += found->second;
        markup.remove_prefix(end + 1);
    }
}

/// JSON in a script element: nothing in it can end the element or begin a comment.
std::string inside_script(const std::string& json)
{
    std::string safe;
    for (const char c : json)
        safe += c == '<' ? "\\u003c" : std::string(1, c);
    return safe;
}

std::string list_items(const std::vector<std::string>& lines)
{
    std::string text;
    for (const std::string& line : lines)
        text += "<li>" + escape_html(line) + "</li>\n";
    return text;
}

std::string system_items(const summary& of)
{
    std::string text;
    for (const summary_system& one : of.systems)
        text += "<div><dt>" + escape_html(one.name) + "</dt><dd>" + escape_html(one.description) +
                (one.missing.empty() ? "" : " <em>not measured: " + escape_html(one.missing) + "</em>") +
                "</dd></div>\n";
    return text;
}

}  // namespace

std::string to_page(const summary& of)
{
    std::string tables;
    for (const table& one : tables_of(of))
        tables += to_html(one);
    const std::vector<std::string> left_out = left_out_of(of);
    return fill(
        page_files::markup,
        {{"style", std::string(page_files::style)},
         {"chart", std::string(page_files::chart)},
         {"script", std::string(page_files::script)},
         {"data", inside_script(to_json(of))},
         {"made", escape_html(of.made)},
         {"machine", escape_html(of.machine())},
         {"method", escape_html(of.method)},
         {"complaint", of.complaint.empty() ? "" : "<p class=\"warning\">" + escape_html(of.complaint) + "</p>"},
         {"completeness", escape_html(completeness_of(of))},
         {"left-out", left_out.empty() ? "" : "<h3>What was left out</h3>\n<ul>\n" + list_items(left_out) + "</ul>"},
         {"legend", list_items(legend_of(of))},
         {"systems", system_items(of)},
         {"tables", tables}});
}

}  // namespace bench
