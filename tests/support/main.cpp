// The main function of every coil_test: Boost.Test, told where Bazel wants the report and which cases were asked for.

#define BOOST_TEST_NO_MAIN
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <string>
#include <vector>

int main(int argc, char** argv)
{
    std::vector<std::string> arguments(argv, argv + argc);
    arguments.push_back("--color_output=no");
    if (const char* report = std::getenv("XML_OUTPUT_FILE"))
        arguments.push_back(std::string("--logger=HRF,test_suite,stdout:JUNIT,error,") + report);
    if (const char* filter = std::getenv("TESTBRIDGE_TEST_ONLY")) // bazel test --test_filter=
        arguments.push_back(std::string("--run_test=*") + filter + "*");
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
        pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    return boost::unit_test::unit_test_main([] { return true; }, static_cast<int>(arguments.size()), pointers.data());
}
