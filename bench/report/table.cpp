#include "bench/report/table.hpp"

#include "bench/report/figures.hpp"

#include <algorithm>
#include <string_view>

namespace bench {
namespace {

std::string padded(const std::string& text, std::size_t width, bool right)
{
    const std::string space(width - std::min(width, width_of(text)), ' ');
    return right ? space + text : text + space;
}

/// One block of columns: the first, and those from `first` up to `last`.
std::string text_block(const table& shown, const std::vector<std::size_t>& widths, std::size_t first, std::size_t last)
{
    const auto line = [&](const auto& text_of) {
        std::string made = padded(text_of(0), widths[0], false);
        for (std::size_t i = first; i < last; ++i)
            made += "  " + padded(text_of(i), widths[i], true);
        made.erase(made.find_last_not_of(' ') + 1);
        return made + "\n";
    };
    std::string text = line([&](std::size_t i) { return printable(shown.head[i]); });
    for (const std::vector<table_cell>& row : shown.rows)
        text += line([&](std::size_t i) { return printable(row[i].plain()); });
    return text;
}

std::string html_cell(const table_cell& shown)
{
    std::string classes;
    for (const auto& [set, name] : {std::pair(shown.noisy, " noisy"), {shown.best, " best"}, {shown.failed, " failed"}})
        classes += set ? name : "";
    std::string text = "<td";
    if (!classes.empty())
        text += " class=\"" + classes.substr(1) + "\"";
    text += ">" + escape_html(shown.text);
    if (!shown.aside.empty())
        text += " <small>" + escape_html(shown.aside) + "</small>";
    if (shown.failed)
        text += "<abbr title=\"failed, in some rounds or in all\">!</abbr>";
    if (shown.noisy)
        text += "<abbr title=\"most of its measurements were disturbed\">~</abbr>";
    return text + "</td>";
}

std::string markdown_cell(const table_cell& shown)
{
    std::string text = escape_markdown(shown.text);
    if (shown.best && !text.empty())
        text = "**" + text + "**";
    if (!shown.aside.empty())
        text += " (" + escape_markdown(shown.aside) + ")";
    return text + (shown.failed ? " !" : "") + (shown.noisy ? " ~" : "");
}

}  // namespace

std::string table_cell::plain() const
{
    return text + (best ? "*" : "") + (aside.empty() ? "" : " (" + aside + ")") + (failed ? " !" : "") +
           (noisy ? " ~" : "");
}

std::string to_text(const table& shown, std::size_t width)
{
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < shown.head.size(); ++i) {
        std::size_t widest = width_of(printable(shown.head[i]));
        for (const std::vector<table_cell>& row : shown.rows)
            widest = std::max(widest, width_of(printable(row[i].plain())));
        widths.push_back(widest);
    }
    std::string text = shown.title + "\n";
    std::size_t first = 1;
    do {
        std::size_t last = first;
        std::size_t used = widths[0];
        while (last < widths.size() && (last == first || used + 2 + widths[last] <= width))
            used += 2 + widths[last++];
        text += "\n" + text_block(shown, widths, first, last);
        first = last;
    } while (first < widths.size());
    return shown.note.empty() ? text : text + "\n" + shown.note + "\n";
}

std::string to_markdown(const table& shown)
{
    std::string text = "### " + escape_markdown(shown.title) + "\n\n|";
    std::string rule = "|";
    for (std::size_t i = 0; i < shown.head.size(); ++i) {
        text += " " + escape_markdown(shown.head[i]) + " |";
        rule += i == 0 ? "---|" : "---:|";
    }
    text += "\n" + rule + "\n";
    for (const std::vector<table_cell>& row : shown.rows) {
        text += "|";
        for (const table_cell& one : row)
            text += " " + markdown_cell(one) + " |";
        text += "\n";
    }
    return shown.note.empty() ? text : text + "\n" + escape_markdown(shown.note) + "\n";
}

std::string to_html(const table& shown)
{
    std::string text = "<figure class=\"table\">\n<figcaption><strong>" + escape_html(shown.title) + "</strong> " +
                       escape_html(shown.note) +
                       "</figcaption>\n<div class=\"scroll\" tabindex=\"0\" role=\"region\" "
                       "aria-label=\"" +
                       escape_html(shown.title) + "\"><table>\n<thead><tr>";
    for (const std::string& name : shown.head)
        text += "<th scope=\"col\">" + escape_html(name) + "</th>";
    text += "</tr></thead>\n<tbody>\n";
    for (const std::vector<table_cell>& row : shown.rows) {
        text += "<tr><th scope=\"row\">" + escape_html(row[0].text);
        if (!row[0].aside.empty())
            text += " <small>" + escape_html(row[0].aside) + "</small>";
        text += "</th>";
        for (std::size_t i = 1; i < row.size(); ++i)
            text += html_cell(row[i]);
        text += "</tr>\n";
    }
    return text + "</tbody></table></div>\n</figure>\n";
}

std::string escape_html(const std::string& text)
{
    std::string escaped;
    for (const char c : printable(text)) {
        switch (c) {
        case '&': escaped += "&amp;"; break;
        case '<': escaped += "&lt;"; break;
        case '>': escaped += "&gt;"; break;
        case '"': escaped += "&quot;"; break;
        case '\'': escaped += "&#39;"; break;
        default: escaped += c;
        }
    }
    return escaped;
}

std::string escape_markdown(const std::string& text)
{
    std::string escaped;
    for (const char c : printable(text)) {
        if (std::string_view("\\`*_|<>[]~").find(c) != std::string_view::npos)
            escaped += '\\';
        escaped += c;
    }
    return escaped;
}

}  // namespace bench
