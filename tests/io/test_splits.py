"""Which splits names tell, in folders and in shards; and where they tell two things, the refusal."""

from __future__ import annotations

import pytest

from augcli.errors import InputError, Spelling
from augcli.io.readers.splits import (
    choose_split,
    describe_splits,
    divide_folders,
    divide_shards,
    find_augmented,
)
from augcli.io.split_words import find_words, hugging_face_name


def folders(*keys: str):
    return divide_folders(keys, "s")


def refused(divide, *keys: str) -> str:
    """Return the message of a refusal, as the command line shows it."""
    with pytest.raises(InputError) as caught:
        divide(keys, "s")
    return caught.value.spell(Spelling.FLAG)


# Words ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("train", "train training"),
        ("validation", "validation valid val dev"),
        ("test", "test testing eval evaluation"),
    ],
)
def test_each_word_means_its_split(split, words):
    assert {find_words(word) for word in words.split()} == {(split,)}


@pytest.mark.parametrize(
    "name", ["Train", "TRAIN", "my_train", "train-00000-of-00001", "train2017", "a.train"]
)
def test_a_whole_word_counts_in_any_case_between_separators_and_digits(name):
    assert find_words(name) == ("train",)


@pytest.mark.parametrize(
    "name", ["trainset", "trainer", "retrain", "steam_trains", "contest", "tests", "ｔrain"]
)
def test_a_part_of_a_word_does_not_count(name):
    assert find_words(name) == ()


def test_a_letter_that_only_folds_to_one_of_a_word_does_not_count():
    assert find_words("te\u017ft") == ()


def test_words_of_two_splits_are_given_in_order():
    assert find_words("test_of_train") == ("train", "test")


# Which split is meant -------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", ["train", "training", "Train", "train2017"])
@pytest.mark.parametrize("name", ["train", "Train", "train2017", "my_train"])
def test_a_split_is_found_by_any_of_its_words(name, wanted):
    assert choose_split([name, "val"], wanted) == name


def test_the_name_itself_goes_before_its_word():
    assert choose_split(["train", "training"], "training") == "training"


@pytest.mark.parametrize("wanted", ["val", "valid", "validation", "dev"])
def test_shards_called_validation_are_found_by_the_words_for_it(wanted):
    assert choose_split(["train", "validation"], wanted) == "validation"


@pytest.mark.parametrize("wanted", ["train", "training"])
def test_an_input_without_splits_is_train(wanted):
    assert choose_split([""], wanted) == ""


@pytest.mark.parametrize(
    ("names", "wanted", "message"),
    [
        (["train", "val"], "test", "no split 'test'; it has train, val; give --split"),
        (["test"], "train", "no split 'train'; it has test; give --split test"),
        ([""], "dev", "no split 'dev'; it has none; leave out --split"),
        (["train", "val"], "extra", "no split 'extra'; it has train, val; give --split"),
    ],
)
def test_a_split_that_is_not_there_is_refused(names, wanted, message):
    with pytest.raises(InputError) as caught:
        choose_split(names, wanted)
    assert caught.value.spell(Spelling.FLAG) == f"the input has {message}"


@pytest.mark.parametrize(
    ("split", "name"),
    [("val", "val"), ("train2017", "train"), ("Test", "test"), ("val_images", "validation")],
)
def test_cards_name_splits_as_hugging_face_may(split, name):
    assert hugging_face_name(split) == name


def test_the_only_split_of_an_output_was_augmented_whatever_its_name():
    assert find_augmented(["validation"], "train") == "validation"


def test_splits_are_listed_train_first():
    assert (
        describe_splits({"test": 2, "Train": 8, "val": 1}, "X")
        == "splits: Train (8), val (1), test (2), by X"
    )


# Folders --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "test"), ("Train", "Test"), ("train2017", "val2017"), ("train_images", "test_images")],
)
def test_directories_that_all_have_a_word_are_splits(train, test):
    division = folders(f"{train}/cat/1.png", f"{test}/cat/2.png", f"{test}/3.png")
    assert division.parts == {train: (train,), test: (test,)}
    assert division.sign == "the folders of SRC"


def test_directories_without_a_word_are_no_splits():
    assert folders("cat/1.png", "dog/2.png").parts == {}


def test_a_flat_folder_has_no_splits():
    assert folders("1.png", "2.png") == folders()


def test_a_split_directory_that_is_not_utf8_has_a_name_that_can_be_written():
    assert folders("train-\udcff/1.png").parts == {"train-%FF": ("train-\udcff",)}


def test_some_directories_without_a_word_are_refused_with_the_cures():
    assert refused(divide_folders, "train/cat/1.png", "test/cat/1.png", "unlabeled/1.png") == (
        "'s' holds 'test', 'train', which name splits, beside 'unlabeled', which names none; give 's/train'"
        " as SRC to augment it alone, move it away, or give --no-splits if all of them are classes"
    )


@pytest.mark.parametrize(
    "keys",
    [
        ("bus/1.png", "car/1.png", "train/cat/1.png"),  # it is not flat
        ("cat/1.png", "dog/1.png", "test/1.png"),  # hardly a class
        ("cat/1.png", "dog/1.png", "val2017/1.png"),
        ("cat/1.png", "dog/1.png", "test_images/1.png"),
        ("train/1.png", "unlabeled/1.png"),  # the others are hardly classes
        ("train/1.png", "masks/1.png", "car/1.png"),
        ("test tube/1.png", "train/1.png", "car/1.png"),  # two of them
    ],
)
def test_one_word_among_others_is_refused_where_it_is_hardly_a_class(keys):
    assert "--no-splits if all of them are classes" in refused(divide_folders, *keys)


@pytest.mark.parametrize("name", ["train", "test tube", "training shoe"])
def test_one_flat_folder_among_others_is_a_class_with_a_note(name):
    division = folders("bus/1.png", "car/old/1.png", f"{name}/1.png")
    assert division.parts == {}
    assert name == "train" or not folders("bus/1.png", "label/1.png", f"{name}/1.png").parts
    assert division.notes == (f"the folder {name!r} is taken for a class like 'bus', not for a split",)


def test_two_words_in_one_name_are_refused():
    assert refused(divide_folders, "train_test/1.png") == (
        "'train_test' in 's' names 2 splits, train and test; rename it, or give --no-splits if it names none"
    )


def test_two_directories_of_one_split_with_the_same_class_folders_are_joined():
    division = folders(
        "train_1/a/1.png", "train_1/b/1.png", "train_2/a/1.png", "train_2/b/x/1.png", "val/a/1.png"
    )
    assert division.parts == {"train": ("train_1", "train_2"), "val": ("val",)}


@pytest.mark.parametrize(
    "keys",
    [
        ("train_images/1.png", "train_masks/1.png"),
        ("train_images/a/1.png", "train_masks/a/1.png"),  # masks, though in the same folders
        ("train_steam/1.png", "train_diesel/1.png"),
        ("train_1/a/1.png", "train_2/b/1.png"),
        ("train_1/a/1.png", "train_2/a/1.png", "train_2/1.png"),
    ],
)
def test_other_directories_of_one_split_are_refused(keys):
    first, second = sorted({key.split("/")[0] for key in keys})
    message = refused(divide_folders, *keys)
    assert message.startswith(f"{first!r}, {second!r} in 's' all name the split train, but they do not hold")
    assert "--no-splits if they are classes" in message


def test_the_cure_for_images_beside_masks_names_both():
    message = refused(divide_folders, "train_images/1.png", "train_masks/1.png")
    assert "give 's/train_images' as SRC (with --masks s/train_masks for its masks), or" in message
    assert "--masks" not in refused(divide_folders, "train_steam/1.png", "train_diesel/1.png")


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        (("bottle/train/1.png", "bottle/test/1.png"), "bottle"),
        (("bottle/Train/good/1.png", "bottle/test/bad/1.png", "cable/train/good/1.png"), "bottle"),
        (("data/bottle/train/1.png", "data/bottle/test2/1.png"), "data/bottle"),
        (("a/train/1.png", "b/test/1.png"), "a"),
    ],
)
def test_split_words_further_down_are_refused_naming_the_directory_above(keys, place):
    message = refused(divide_folders, *keys)
    assert f"; give 's/{place}' as SRC" in message
    assert message.endswith("or --no-splits if they are not splits")


@pytest.mark.parametrize("below", ["cat/1.png", "1.png"])
def test_a_split_that_holds_only_its_word_again_is_refused(below):
    said = refused(divide_folders, f"seg_train/seg_train/{below}", f"seg_test/seg_test/{below}")
    assert "'s/seg_train' holds nothing but 'seg_train', which names the same split again" in said
    assert "give 's/seg_train/seg_train' as SRC" in said


def test_a_class_called_like_its_split_among_others_is_a_class():
    keys = [f"{split}/{name}/1.png" for split in ("train", "val") for name in ("bus", "train")]
    assert set(folders(*keys).parts) == {"train", "val"}


@pytest.mark.parametrize(
    ("train", "test"),
    [("trainA", "testA"), ("TrainSet", "TestSet"), ("imagesTr", "imagesTs"), ("X_trainx", "X_valx")],
)
def test_names_that_differ_in_a_glued_split_word_are_refused(train, test):
    said = refused(divide_folders, f"{train}/1.png", f"{test}/1.png")
    assert f"{train!r} and {test!r} in 's' differ in the name of a split alone" in said
    assert f"give 's/{train}' as SRC" in said
    assert "--no-splits" in said
    assert f"{train!r} and {test!r}" in refused(divide_shards, f"{train}.parquet", f"{test}.parquet")


def test_names_that_hold_split_words_by_chance_are_classes():
    assert not folders("trainer/1.png", "protest/1.png", "latest/1.png", "trains/1.png").parts
    assert not divide_shards(["contest-0.parquet", "contest-1.parquet", "valley.parquet"], "s").parts


@pytest.mark.parametrize(
    "keys",
    [("cat/train/1.png", "dog/1.png"), ("cat/test tube/1.png", "cat/train/1.png"), ("cat/trainer/1.png",)],
)
def test_one_split_word_further_down_changes_nothing(keys):
    assert folders(*keys).parts == {}


@pytest.mark.parametrize("place", ["", "cat/"])
def test_file_names_that_begin_with_two_splits_are_noted(place):
    (note,) = folders(f"{place}train_1.png", f"{place}test-2.png", f"{place}x.png").notes
    assert "begin with words of splits (train and test)" in note


@pytest.mark.parametrize("keys", [("train0001.png", "val0001.png"), ("Dev 1.png", "Train 1.png")])
def test_file_names_begin_with_a_split_word_in_any_case_before_a_blank_or_a_digit(keys):
    (note,) = folders(*keys).notes
    assert "begin with words of splits (train and validation)" in note


@pytest.mark.parametrize("keys", [("train_1.png", "training_2.png"), ("a/train_1.png", "b/test_1.png")])
def test_file_names_of_one_split_are_not_noted(keys):
    assert folders(*keys).notes == ()


# Shards ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "test", "sign"),
    [
        ("train-0", "test-0", "names"),
        ("my_train", "my_test", "names"),
        ("Train-0", "TEST-0", "names"),
        ("data-train-00000-of-00001", "data-test-00000-of-00001", "names"),
        ("default/train/0000", "default/test/0000", "folders"),
        ("train/a/b/0", "test/a/b/0", "folders"),
        ("train-0", "test/0", "names and the folders"),
    ],
)
def test_shards_have_the_split_of_their_name_or_of_the_nearest_folder(train, test, sign):
    keys = [f"{train}.parquet", f"{test}.parquet"]
    division = divide_shards(keys, "s")
    assert division.parts == {"test": (keys[1],), "train": (keys[0],)}
    assert division.sign == f"the {sign} of the shards"


def test_the_name_of_a_shard_goes_before_its_folder_and_the_nearest_folder_before_others():
    parts = divide_shards(["test/train-0.parquet", "train/val/0.parquet"], "s").parts
    assert parts == {"train": ("test/train-0.parquet",), "validation": ("train/val/0.parquet",)}


def test_shards_of_two_words_for_one_split_are_one():
    parts = divide_shards(["val-0.parquet", "valid-1.parquet", "dev.parquet"], "s").parts
    assert parts == {"validation": ("val-0.parquet", "valid-1.parquet", "dev.parquet")}


def test_shards_without_words_are_no_splits():
    assert divide_shards(["0.parquet", "a/1.parquet"], "s").parts == {}


@pytest.mark.parametrize("other", ["extra-0.parquet", "more/0.parquet"])
def test_some_shards_without_a_word_are_refused_with_the_cures(other):
    assert refused(divide_shards, "train-0.parquet", "test-0.parquet", other) == (
        "some shards in 's' name their split ('train-0.parquet', 'test-0.parquet'), others do not"
        f" ({other!r}); rename or move these, or give --no-splits if all shards are one split"
    )


@pytest.mark.parametrize("key", ["train_test.parquet", "train-test/0.parquet"])
def test_two_words_in_the_name_of_a_shard_are_refused(key):
    assert "names 2 splits, train and test; rename it" in refused(divide_shards, key)


def test_directories_that_each_have_splits_are_refused():
    keys = ["fold1/train/0.parquet", "fold1/test/0.parquet", "fold2/train-0.parquet", "fold2/test-0.parquet"]
    assert refused(divide_shards, *keys) == (
        "'fold1', 'fold2' in 's' each have splits of their own; give 's/fold1' as SRC, or a pattern of the"
        " shards of one split, in quotes"
    )
