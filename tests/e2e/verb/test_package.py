"""What a package of jeton holds beside the program; in the long form, the package, the tarball and the container."""

import glob
import hashlib
import os
import re
import shutil
import subprocess
import unittest

import support

DEBIAN = os.path.join(support.SOURCE, "debian")
UNITS = ("jeton-listen.socket", "jeton-listen.service", "jeton-cron.service")
EXPOSURE_MAX = 20  # tenths, of systemd-analyze security


def read(path):
    with open(os.path.join(support.SOURCE, path), encoding="utf-8") as file:
        return file.read()


class Package(support.Case):
    def unit(self, name):
        return read(f"debian/jeton.{name}")

    def test_units(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze")
        paths = []
        for name in UNITS:
            text = self.unit(name).replace("/usr/bin/jeton", support.JETON).replace("User=jeton\n", "User=nobody\n")
            paths.append(self.write(name, text))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True, text=True,
                              check=False, env={**self.env, "SYSTEMD_LOG_LEVEL": "warning"})
        said = [line for line in done.stderr.splitlines() if "jeton-" in line]
        self.assertEqual((done.returncode, said), (0, []), done.stderr)
        for name in UNITS[1:]:
            path = self.write("installed/" + name, self.unit(name))
            done = subprocess.run(["systemd-analyze", "security", "--offline=yes", f"--threshold={EXPOSURE_MAX}", path],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr)

    def test_manuals_that_units_name(self):
        for name in UNITS:
            for page in re.findall(r"man:([\w-]+)\(1\)", self.unit(name)):
                self.assertTrue(os.path.exists(f"{support.SOURCE}/docs/man/{page}.1"), page)
            for path in re.findall(r"file:///usr/share/doc/jeton/(\S+)", self.unit(name)):
                self.assertTrue(os.path.exists(f"{support.SOURCE}/{path}"), path)

    def test_versions_agree(self):
        version = re.search(r"project\(jeton VERSION (\S+) ", read("CMakeLists.txt"))[1]
        self.assertEqual(re.match(r"jeton \((\S+)\)", read("debian/changelog"))[1], version)
        self.assertEqual(self.ok("--version").stdout, f"jeton {version}\n")
        self.assertIn(f"## [{version}] - ", read("CHANGELOG.md"))

    def test_uninstall_leaves_what_is_not_ours(self):
        prefix = os.path.join(self.folder, "usr")
        subprocess.run(["cmake", "--install", os.environ["JETON_BUILD"], "--prefix", prefix], check=True,
                       stdout=subprocess.DEVNULL)
        mine = [self.write("usr/bin/mine", ""), self.write("usr/share/jeton/examples/mine.lua", "")]
        subprocess.run([f"{support.SOURCE}/dev", "uninstall", prefix], check=True, stderr=subprocess.DEVNULL,
                       cwd=support.SOURCE)
        left = [path for path in glob.glob(prefix + "/**", recursive=True) if os.path.isfile(path)]
        self.assertEqual(sorted(left), sorted(mine))
        self.assertFalse(os.path.exists(prefix + "/share/jeton/meta"))


@unittest.skipUnless(support.SOAK, "the long form: ./dev soak e2e.package")
class Bare(support.Case):
    """In a Debian 12 that has nothing but what is essential."""

    @classmethod
    def setUpClass(cls):
        if os.getuid() != 0 or not (shutil.which("debootstrap") and shutil.which("autopkgtest")):
            raise unittest.SkipTest("needs root, debootstrap and autopkgtest")
        cls.place = os.path.join(support.SOURCE, "build/package")
        os.makedirs(cls.place, exist_ok=True)
        cls.bare("root", "bookworm")

    @classmethod
    def bare(cls, *arguments):
        subprocess.run(["unshare", "--mount", f"{support.SOURCE}/tests/package.sh", cls.place, *arguments], check=True,
                       timeout=3600)

    def dev(self, *arguments, **env):
        subprocess.run([f"{support.SOURCE}/dev", *arguments], check=True, cwd=support.SOURCE, timeout=3600,
                       env={**os.environ, **env})

    def deb(self, name, **env):
        folder = os.path.join(self.place, name)
        shutil.rmtree(folder, ignore_errors=True)
        self.dev("deb", folder, **env)
        return glob.glob(folder + "/jeton_*.deb")[0]

    def test_package(self):
        first, second = self.deb("first"), self.deb("second/elsewhere", TZ="Pacific/Auckland", LC_ALL="C")
        digests = []
        for path in (first, second):
            with open(path, "rb") as file:
                digests.append(hashlib.sha256(file.read()).hexdigest())
        self.assertEqual(digests[0], digests[1], "not reproducible")
        self.bare("deb", first)
        self.bare("autopkgtest", first)

    def test_tarball(self):
        self.dev("dist")
        tarball = max(glob.glob(support.SOURCE + "/build/dist/*.tar.gz"), key=os.path.getmtime)
        self.bare("dist", tarball, "bookworm")
        self.bare("root", "trixie")  # another glibc, and other versions of all libraries
        self.bare("dist", tarball, "trixie")

    def test_container(self):
        self.bare("docker", support.SOURCE)


if __name__ == "__main__":
    unittest.main()
