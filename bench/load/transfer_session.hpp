#pragma once

#include "bench/load/connection.hpp"
#include "bench/load/starts.hpp"

#include <array>
#include <cstddef>
#include <vector>

namespace bench {

/// A client that asks for `size` bytes and checks them, again and again; or sends them and waits for the receipt. It rests
/// between two transfers while none may begin.
class transfer_session final : public session {
public:
    enum class direction { download, upload };

    transfer_session(poller& poll, const target& to, direction way, std::size_t size, load_count& count);
    void ready() override;

private:
    enum class step { handshake, idle, length, body, receipt };

    bool go_on();
    bool begin();
    bool send_length();
    bool send_body();
    bool receive_body();
    bool receive_receipt();

    connection connection_;
    direction direction_;
    std::size_t size_;
    load_count* count_;
    step step_ = step::handshake;
    std::size_t moved_ = 0;
    std::array<std::byte, 8> length_;
    std::vector<std::byte> buffer_;
};

}  // namespace bench
