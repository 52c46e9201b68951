#include <coil/runtime/internal/chunk.hpp>
#include <coil/runtime/internal/copy.hpp>

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace coil::internal;

std::vector<std::byte> some_bytes(std::size_t size, unsigned seed)
{
    std::mt19937 random(seed);
    std::vector<std::byte> bytes(size);
    for (std::byte& each : bytes)
        each = static_cast<std::byte>(random());
    return bytes;
}

std::vector<std::byte> drain(chunk_queue& queue)
{
    std::vector<std::byte> all;
    while (!queue.empty()) {
        const std::span<const std::byte> run = queue.front();
        all.insert(all.end(), run.begin(), run.end());
        queue.consume(run.size());
    }
    return all;
}

BOOST_AUTO_TEST_SUITE(internal_chunk_test)

BOOST_AUTO_TEST_CASE(there_are_two_sizes)
{
    chunk* small = chunk::allocate(1);
    chunk* large = chunk::allocate(small->capacity() + 1);
    chunk* huge = chunk::allocate(10'000'000);
    BOOST_TEST(small->capacity() < large->capacity());
    BOOST_TEST(large->capacity() == huge->capacity());
    BOOST_TEST(large->capacity() >= 4U * 16 * 1024);
    small->release();
    large->release();
    huge->release();
}

BOOST_AUTO_TEST_CASE(large_chunks_are_counted_by_themselves)
{
    const std::size_t before = chunks_in_use();
    const std::size_t large_before = large_chunks_in_use();
    chunk* small = chunk::allocate(1);
    chunk* large = chunk::allocate(chunk::large_size);
    BOOST_TEST(chunks_in_use() - before == 2U);
    BOOST_TEST(large_chunks_in_use() - large_before == 1U);
    small->release();
    BOOST_TEST(large_chunks_in_use() - large_before == 1U);
    large->release();
    BOOST_TEST(large_chunks_in_use() == large_before);
}

BOOST_AUTO_TEST_CASE(gives_back_what_was_appended)
{
    const std::size_t before = chunks_in_use();
    for (std::size_t size : {0U, 1U, 511U, 2047U, 2048U, 2112U, 66'000U, 300'000U}) {
        const std::vector<std::byte> bytes = some_bytes(size, 1);
        chunk_queue queue;
        queue.append(bytes);
        BOOST_TEST(queue.size() == size);
        BOOST_TEST((drain(queue) == bytes));
        BOOST_TEST(queue.empty());
        BOOST_TEST(queue.front().empty());
        BOOST_TEST(chunks_in_use() == before);
    }
}

BOOST_AUTO_TEST_CASE(random_appends_joins_and_drops_keep_the_order)
{
    const std::size_t before = chunks_in_use();
    std::mt19937 random(3);
    chunk_queue queue;
    std::vector<std::byte> expected;
    std::size_t dropped = 0;
    for (int i = 0; i < 4000; ++i) {
        const std::size_t size = random() % (random() % 8 == 0 ? 100'000 : 1500);
        const std::vector<std::byte> bytes = some_bytes(size, random());
        switch (random() % 4) {
        case 0:
            queue.append(bytes);
            expected.insert(expected.end(), bytes.begin(), bytes.end());
            break;
        case 1: {
            chunk_queue other;
            other.append(bytes);
            const std::size_t skipped = bytes.empty() ? 0 : random() % bytes.size();
            other.consume(skipped);
            queue.append(std::move(other));
            expected.insert(expected.end(), bytes.begin() + static_cast<std::ptrdiff_t>(skipped), bytes.end());
            BOOST_REQUIRE(other.empty());
            break;
        }
        default: {
            const std::size_t here = std::min(queue.front().size(), size);
            BOOST_REQUIRE(std::equal(queue.front().begin(), queue.front().begin() + static_cast<std::ptrdiff_t>(here),
                                     expected.begin() + static_cast<std::ptrdiff_t>(dropped)));
            const std::size_t all = std::min(queue.size(), size);
            queue.consume(all);
            dropped += all;
        }
        }
        BOOST_REQUIRE(queue.size() == expected.size() - dropped);
    }
    expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(dropped));
    BOOST_TEST((drain(queue) == expected));
    BOOST_TEST(chunks_in_use() == before);
}

BOOST_AUTO_TEST_CASE(gathers_the_first_runs)
{
    const std::vector<std::byte> bytes = some_bytes(200'000, 5);
    chunk_queue queue;
    queue.append(bytes);
    std::array<std::span<const std::byte>, 2> two;
    BOOST_TEST(queue.gather(two) == 2U);
    BOOST_TEST((two[0].data() == queue.front().data()));
    BOOST_TEST(two[0].size() + two[1].size() < bytes.size());
    std::array<std::span<const std::byte>, 16> many;
    const std::size_t count = queue.gather(many);
    std::size_t total = 0;
    for (std::size_t i = 0; i < count; ++i)
        total += many.at(i).size();
    BOOST_TEST(total == bytes.size());
}

BOOST_AUTO_TEST_CASE(moving_a_queue_empties_the_source)
{
    const std::size_t before = chunks_in_use();
    const std::vector<std::byte> bytes = some_bytes(5000, 6);
    chunk_queue first;
    first.append(bytes);
    chunk_queue second(std::move(first));
    BOOST_TEST(first.empty());
    chunk_queue third;
    third.append(bytes);
    third = std::move(second);
    BOOST_TEST(third.size() == bytes.size());
    third.clear();
    BOOST_TEST(chunks_in_use() == before);
}

BOOST_AUTO_TEST_CASE(a_chunk_that_the_kernel_filled_is_taken_over_as_it_is)
{
    chunk* piece = chunk::allocate(100);
    piece->room()[0] = std::byte{7};
    piece->fill(1);
    chunk_queue queue;
    queue.append(piece);
    BOOST_TEST(queue.size() == 1U);
    BOOST_TEST((queue.front().data() == piece->filled().data()));
    BOOST_TEST((queue.front()[0] == std::byte{7}));
}

BOOST_AUTO_TEST_CASE(every_thread_counts_its_own_chunks)
{
    chunk* here = chunk::allocate(1);
    std::size_t there = 1;
    std::thread([&there] {
        there = chunks_in_use();
        chunk_queue queue;
        queue.append(std::vector<std::byte>(100'000));
    }).join();
    BOOST_TEST(there == 0U);
    here->release();
}

BOOST_AUTO_TEST_CASE(copies_of_any_size_and_alignment_are_exact)
{
    const std::vector<std::byte> source = some_bytes(70'000, 8);
    for (std::size_t size : {0U, 1U, 63U, 64U, 511U, 512U, 513U, 575U, 4096U, 65'537U})
        for (std::size_t shift : {0U, 1U, 7U, 63U}) {
            std::vector<std::byte> target(size + 2, std::byte{0xee});
            copy_bytes(target.data() + 1, source.data() + shift, size);
            BOOST_REQUIRE(std::equal(target.begin() + 1, target.end() - 1, source.begin() + static_cast<std::ptrdiff_t>(shift)));
            BOOST_REQUIRE((target.front() == std::byte{0xee} && target.back() == std::byte{0xee}));
        }
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
