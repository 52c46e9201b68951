#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace bench {

/// One figure of a table with what belongs to it.
struct table_cell {
    std::string text;
    /// A second figure, in brackets.
    std::string aside;
    /// Most of its measurements were disturbed.
    bool noisy = false;
    /// The best of those it stands among.
    bool best = false;
    /// There is no figure, or not from all rounds; a note says why.
    bool failed = false;

    /// With its marks, as the legend explains them.
    std::string plain() const;
};

/// A table that can be shown in several ways.
struct table {
    std::string title;
    /// What the figures are, in one sentence; text as it is, not Markdown.
    std::string note;
    std::vector<std::string> head;
    /// Each begins with the cell that names it, and is as long as the head.
    std::vector<std::vector<table_cell>> rows;
};

/// Columns for a terminal. What is wider than `width` goes on beneath, with the names of the rows again.
std::string to_text(const table& shown, std::size_t width);
std::string to_markdown(const table& shown);
/// A <figure> with a caption.
std::string to_html(const table& shown);

/// For text and for values of attributes.
std::string escape_html(const std::string& text);
std::string escape_markdown(const std::string& text);

}  // namespace bench
