"""Without this module the keys could be readable by others, differ between two starters or not fit each other."""

import shutil
import subprocess
import sys
from pathlib import Path

from stdnum.cn import ric

from integrations.sandbox.keys import load_keys, provider_environment
from integrations.sandbox.people import identity_number, is_identity_number, label
from tests.integrations.sandbox.process import ROOT, SandboxProcess

NAMES = {
    "WECHAT_APP_ID", "WECHAT_APP_SECRET", "WECHAT_API_BASE_URL", "WECHAT_PAY_BASE_URL", "WECHAT_PAY_MCH_ID",
    "WECHAT_PAY_SERIAL_NO", "WECHAT_PAY_PRIVATE_KEY_FILE", "WECHAT_PAY_API_V3_KEY", "WECHAT_PAY_PUBLIC_KEY_ID",
    "WECHAT_PAY_PUBLIC_KEY_FILE", "WECHAT_PAY_CERTIFICATE_FILE", "KUAIDI100_BASE_URL", "KUAIDI100_CUSTOMER",
    "KUAIDI100_KEY", "KUAIDI100_SALT", "ALIPAY_GATEWAY_URL", "ALIPAY_APP_ID", "ALIPAY_APP_PRIVATE_KEY_FILE",
    "ALIPAY_PUBLIC_KEY_FILE", "ALIPAY_AES_KEY",
    "ALIPAY_SELLER_ID",
    "KUAIDI100_SECRET", "EMS_BASE_URL", "EMS_SENDER_NO", "EMS_AUTHORIZATION", "EMS_KEY",
    "FISCAL_APP_ID", "FISCAL_BASE_URL", "FISCAL_PLATFORM_KEY_FILE", "FISCAL_PRIVATE_KEY_FILE",
    "WECHAT_PUSH_TOKEN", "WECHAT_PUSH_AES_KEY", "SMS_BASE_URL", "SMS_APP_ID", "SMS_SECRET",
}  # fmt: skip


def test_nobody_else_can_read_the_state_folder(process: SandboxProcess) -> None:
    keys = process.state / "keys"
    folders = (process.state, keys, keys / "alipay", keys / "fiscal", keys / "couriers", keys / "messages")
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700] * 6
    assert {file.stat().st_mode & 0o777 for file in keys.rglob("*") if file.is_file()} == {0o600}


def test_two_processes_starting_at_once_take_the_same_keys(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "integrations.sandbox", "--state", str(tmp_path / "state")]
    command += ["--port", "1", "--print-env"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]  # noqa: S603
    told = [process.communicate(timeout=120)[0] for process in both]
    assert told[0] == told[1]
    printed = dict(line.split("=", 1) for line in told[0].decode().splitlines())
    assert set(printed) == NAMES
    assert printed == provider_environment(tmp_path / "state", "http://127.0.0.1:1")
    assert len(printed["WECHAT_PAY_API_V3_KEY"]) == 32
    assert printed["WECHAT_PAY_PUBLIC_KEY_ID"].startswith("PUB_KEY_ID_")
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["keys"]


def test_a_state_folder_older_than_alipay_gets_its_part_and_keeps_the_rest(tmp_path: Path) -> None:
    before = provider_environment(tmp_path / "state", "http://127.0.0.1:1")
    shutil.rmtree(tmp_path / "state" / "keys" / "alipay")
    after = provider_environment(tmp_path / "state", "http://127.0.0.1:1")
    assert set(after) == NAMES
    same = {name for name in NAMES if before[name] == after[name]}
    assert NAMES - same == {"ALIPAY_APP_ID", "ALIPAY_AES_KEY", "ALIPAY_SELLER_ID"}
    assert all(Path(value).is_file() for name, value in after.items() if name.endswith("_FILE"))
    assert provider_environment(tmp_path / "state", "http://127.0.0.1:1") == after
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["keys"]


def test_the_certificate_belongs_to_its_own_key(process: SandboxProcess) -> None:
    keys = load_keys(process.state)
    assert keys.certificate.public_key() == keys.certified.public_key()
    assert keys.certified.public_key() != keys.platform.public_key()
    assert len(keys.certificate_serial) == 40


def test_made_up_identity_numbers_are_valid_distinct_and_nobodys() -> None:
    numbers = [identity_number(n) for n in range(500)]
    assert all(ric.is_valid(number) and is_identity_number(number) for number in numbers)
    assert {number[14:17] for number in numbers} == {"000"}
    assert len(set(numbers)) == 500


def test_a_wrong_check_digit_or_birth_date_is_noticed() -> None:
    right = identity_number(5)
    wrong = right[:17] + ("1" if right[17] == "0" else "0")
    assert not is_identity_number(wrong)
    assert not is_identity_number("110101199902300000")
    assert not is_identity_number("")


def test_names_are_only_labels() -> None:
    assert [label(n) for n in (0, 1, 9, 10, 1023)] == [
        "测试居民甲",
        "测试居民乙",
        "测试居民癸",
        "测试居民乙甲",
        "测试居民乙甲丙丁",
    ]
