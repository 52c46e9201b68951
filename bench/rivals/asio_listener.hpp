#pragma once

#include "bench/protocol.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <string>

namespace bench {

/// Asio's context with the settings that all servers under test have.
boost::asio::ssl::context make_asio_context(const std::string& certificate_file, const std::string& key_file);

/// Serves the connections of a listening socket, which it owns. Does not end by itself; `loop` and `context` must outlive it.
boost::asio::awaitable<void> accept_with_asio(boost::asio::io_context& loop, int listener,
                                              boost::asio::ssl::context& context, protocol spoken);

}  // namespace bench
