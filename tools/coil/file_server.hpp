#pragma once

#include <coil/runtime/file.hpp>
#include <coil/runtime/task.hpp>

#include "tools/coil/http_request.hpp"
#include "tools/coil/http_response.hpp"
#include "tools/coil/request_path.hpp"

#include <string>

namespace coil::command {

/// Answers requests with the files of one folder. Nothing outside of it can be named: neither `..` nor a link leads out.
class file_server {
public:
    /// Throws: `usage_error` if `folder` cannot be opened or is none.
    explicit file_server(const std::string& folder);

    /// An answer to GET, HEAD or OPTIONS; 405 or 501 for other methods. The content of an answer to HEAD is what it would
    /// be for GET; it is not to be sent.
    task<http_response> answer(const http_request& request) const;

private:
    task<http_response> answer_path(const http_request& request, const request_path& path) const;
    task<http_response> answer_folder(const http_request& request, const request_path& path) const;

    file root_;
};

}  // namespace coil::command
